"""allauth's forms in our words. Apart from our own forms, which allauth's module imports."""

import uuid
from typing import Any

from allauth.account import forms as account
from allauth.account.adapter import get_adapter as get_account_adapter
from allauth.account.models import EmailAddress
from allauth.core import context
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base import forms as mfa
from allauth.mfa.models import Authenticator
from allauth.mfa.totp import forms as totp
from allauth.mfa.totp.internal.auth import SECRET_SESSION_KEY, TOTP
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from accounts import trusted_browsers
from accounts.backends import people_at
from accounts.forms import PlainWords
from accounts.models import Person
from medimic import crypto

PASSWORD_HELP = _("At least 10 characters. Not a common password, and nothing like your name or email.")


class NewPassword(PlainWords):
    """A form that asks for a new password, twice."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password1"].help_text = PASSWORD_HELP


class SignIn(PlainWords, account.LoginForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The page has a link of its own to Forgot Password.
        self.fields["password"].help_text = ""
        self.fields["remember"].label = _("Trust this browser")
        self.fields["remember"].help_text = _(
            "Stay signed in here for 30 days, without being asked for a second factor again. Leave it off on "
            "a computer that others use too."
        )

    def login(self, request: HttpRequest, redirect_url: str | None = None) -> HttpResponse:
        trusted_browsers.note_choice(request, self.cleaned_data["remember"])
        response: HttpResponse = super().login(request, redirect_url=redirect_url)
        # allauth goes by this form alone; a browser may be trusted from before.
        request.session.set_expiry(settings.SESSION_COOKIE_AGE if trusted_browsers.is_trusted(request) else 0)
        return response


class SignUp(NewPassword, account.SignupForm):
    def try_save(self, request: HttpRequest) -> tuple[Person | None, HttpResponse | None]:
        if self.account_already_exists:
            # Making an account hashes its password; without that, the answer would come sooner.
            Person().set_password(self.cleaned_data["password1"])
        found: tuple[Person | None, HttpResponse | None] = super().try_save(request)
        return found


class AddEmail(PlainWords, account.AddEmailForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = _("New email")


class ResetPassword(PlainWords, account.ResetPasswordForm):
    """Asks as much of the database for an address that nobody has."""

    def clean_email(self) -> str:
        email: str = get_account_adapter().clean_email(self.cleaned_data["email"].lower())
        self.users = [person for person in people_at(email) if person.is_active]
        return email

    def save(self, request: HttpRequest, **options: Any) -> str:
        if not self.users:
            # What a token is made of.
            nobody = uuid.uuid4()
            EmailAddress.objects.filter(email=self.cleaned_data["email"], user_id=nobody).exists()
            list(EmailAddress.objects.filter(user_id=nobody).values_list("email", flat=True))
        email: str = super().save(request, **options)
        return email


class ResetPasswordByLink(NewPassword, account.ResetPasswordKeyForm):
    pass


class ChangePassword(NewPassword, account.ChangePasswordForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["oldpassword"].help_text = ""


class SetPassword(NewPassword, account.SetPasswordForm):
    pass


class ConfirmByPassword(PlainWords, account.ReauthenticateForm):
    pass


class EmailCode(PlainWords, account.ConfirmEmailVerificationCodeForm):
    pass


class Code(PlainWords):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].widget.attrs.update({"inputmode": "numeric", "autocapitalize": "off"})


class CodeOfFactor(Code):
    """Says of which kind the code is to be, by what the person has."""

    user: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.has_app = is_mfa_enabled(self.user, [Authenticator.Type.TOTP])
        if not self.has_app:
            self.fields["code"].label = _("Recovery code")


class SignInCode(CodeOfFactor, mfa.AuthenticateForm):
    pass


class ConfirmByCode(CodeOfFactor, mfa.ReauthenticateForm):
    pass


class ActivateApp(Code, totp.ActivateTOTPForm):
    """The secret waits in the sign-in's row until the first code is right: encrypted, as afterwards."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].label = _("Code from the app")
        held = context.request.session[SECRET_SESSION_KEY]
        try:
            self.secret = crypto.decrypt(held)
        except crypto.Undecryptable:
            # allauth has made a new one just now, and put it there as it is.
            context.request.session[SECRET_SESSION_KEY] = crypto.encrypt(self.secret)

    def clean_code(self) -> str:
        code: str = super().clean_code()
        # It has been used with this: no sign-in may follow with the same one.
        if not TOTP(Authenticator(user=self.user))._mark_code_used(code):
            raise get_adapter().validation_error("incorrect_code")
        return code
