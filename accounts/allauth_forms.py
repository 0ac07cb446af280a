"""allauth's forms in our words. Apart from our own forms, which allauth's module imports."""

from typing import Any

from allauth.account import forms as account
from allauth.mfa.base import forms as mfa
from allauth.mfa.totp import forms as totp
from django.utils.translation import gettext_lazy as _

from accounts.forms import PlainWords

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
            "Stay signed in here for 30 days. Leave it off on a computer that others use too."
        )


class SignUp(NewPassword, account.SignupForm):
    pass


class AddEmail(PlainWords, account.AddEmailForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = _("New email")


class ResetPassword(PlainWords, account.ResetPasswordForm):
    pass


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


class SignInCode(Code, mfa.AuthenticateForm):
    pass


class ConfirmByCode(Code, mfa.ReauthenticateForm):
    pass


class ActivateApp(Code, totp.ActivateTOTPForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].label = _("Code from the app")
