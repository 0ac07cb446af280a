"""allauth's forms of passkeys, which take no credential but one that was made on our own pages."""

from typing import Any

from allauth.core import context
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn import forms as webauthn
from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext_lazy as _
from fido2.webauthn import AuthenticationResponse, RegistrationResponse

from accounts import passkeys
from accounts.forms import PlainWords
from medimic.audit.log import Origin, record

LONGEST = 20_000


class CredentialField(forms.JSONField):
    """What the browser made, as JSON: an object, and not a huge one."""

    widget = forms.HiddenInput

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str) and len(value) > LONGEST:
            raise _refusal()
        try:
            found = super().to_python(value)
        except RecursionError:
            raise _refusal() from None
        if not isinstance(found, dict):
            raise _refusal()
        return found


def _refusal() -> ValidationError:
    error: ValidationError = get_adapter().validation_error("incorrect_passkey")
    return error


def check(
    credential: dict[str, Any], kind: type[AuthenticationResponse] | type[RegistrationResponse]
) -> None:
    """Refuse what cannot be read, and what another site, or a page within another's, had made.

    fido2 itself takes any origin below our host.
    """
    try:
        told = kind.from_dict(credential).response.client_data
        is_ours = told.origin == settings.PORTAL_URL and not told.cross_origin
    except Exception:
        raise _refusal() from None
    if not is_ours:
        raise _refusal()


class NewPasskey(PlainWords, webauthn.AddWebAuthnForm):
    """Its name, and what the browser made."""

    # Ours sign in alone, all of them: there is nothing to choose.
    passwordless = None
    name = forms.CharField(
        label=_("Name"),
        max_length=passkeys.NAME_LENGTH,
        required=False,
        help_text=_("What you will know it by, such as “Work laptop”."),
    )
    credential = CredentialField()

    def clean_credential(self) -> Any:
        check(self.cleaned_data["credential"], RegistrationResponse)
        return self.cleaned_data["credential"]

    def clean(self) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] | None = super().clean()
        except ValidationError:
            # Beside the button, and not of a code.
            self.add_error("credential", _refusal())
            return self.cleaned_data
        return found


class PasskeyName(PlainWords):
    name = forms.CharField(label=_("Name"), max_length=passkeys.NAME_LENGTH)


class _Proof(forms.Form):
    """A use of a passkey. One that fails is in the log."""

    credential = CredentialField()
    user: Any

    def clean_credential(self) -> Authenticator:
        try:
            check(self.cleaned_data["credential"], AuthenticationResponse)
            found: Authenticator = super().clean_credential()  # type: ignore[misc]
        except ValidationError as error:
            self._record_failure()
            # allauth speaks of a code. That there were too many attempts stays as it is.
            raise (_refusal() if error.code == "incorrect_code" else error) from None
        return found

    def _record_failure(self) -> None:
        request = context.request
        # Whose it claims to be is a stranger's word: nobody's log fills up with that.
        kind = "accounts.factor_failed" if self.user is not None else "accounts.sign_in_failed"
        person_id = self.user.pk if self.user is not None else None
        with transaction.atomic():
            record(kind, origin=Origin.of(request), person_id=person_id)


class SignInPasskey(_Proof, webauthn.LoginWebAuthnForm):
    pass


class SecondFactorPasskey(_Proof, webauthn.AuthenticateWebAuthnForm):
    pass


class ConfirmByPasskey(_Proof, webauthn.ReauthenticateWebAuthnForm):
    pass
