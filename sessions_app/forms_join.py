"""The form by which somebody joins a session in a browser."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from medimic.api_schema import plain
from sessions_app.base64url import decoded, encoded
from sessions_app.joining import Joining, normalized
from sessions_app.models import Participant

ROLES = [(role.value, role.label) for role in Participant.Role]


class JoinForm(forms.Form):
    """`key_commitment` is the browser's own: a script makes its key, and fixes it by this."""

    code = forms.CharField(
        label=_("Session Code"),
        max_length=20,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}
        ),
    )
    name = forms.CharField(
        label=_("Your name"),
        max_length=120,
        help_text=_("The others in the session see it."),
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    role = forms.ChoiceField(label=_("Your role"), help_text=_("The host confirms it."))
    key_commitment = forms.CharField(widget=forms.HiddenInput)

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        code: str = "",
        name: str = "",
        may_provide: bool = False,
    ) -> None:
        role = Participant.Role.PROVIDER if may_provide else Participant.Role.PATIENT
        super().__init__(data, initial={"code": code, "name": name, "role": role})
        choices = [one for one in ROLES if may_provide or one[0] != Participant.Role.PROVIDER]
        self.fields["role"].choices = choices  # type: ignore[attr-defined]
        self.fields["key_commitment"].error_messages["required"] = _(
            "This browser made no key. Joining needs JavaScript, and a browser that keeps keys."
        )

    def clean_code(self) -> str:
        return normalized(self.cleaned_data["code"])

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        try:
            return plain(name)
        except ValueError:
            raise ValidationError(_("Leave out signs that cannot be seen.")) from None

    def clean_key_commitment(self) -> str:
        text: str = self.cleaned_data["key_commitment"]
        try:
            is_whole = len(decoded(text)) == 32 and encoded(decoded(text)) == text
        except ValueError:
            is_whole = False
        if not is_whole:
            raise ValidationError(_("This browser's key could not be read. Load the page again."))
        return text

    def wanted(self) -> Joining:
        """What `joining.ask` takes."""
        return Joining(**self.cleaned_data)


class InvitedForm(JoinForm):
    """The same without a code: an invitation takes its place."""

    def __init__(self, data: Mapping[str, Any] | None = None, *, name: str, may_provide: bool) -> None:
        super().__init__(data, name=name, may_provide=may_provide)
        del self.fields["code"]
        if may_provide:
            self.initial["role"] = Participant.Role.PROVIDER

    def wanted(self) -> Joining:
        return Joining(code="", **self.cleaned_data)
