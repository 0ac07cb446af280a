"""allauth's forms in our words. Apart from our own forms, which allauth's module imports."""

from typing import Any

from allauth.account import forms as account
from allauth.mfa.base import forms as mfa
from allauth.mfa.totp import forms as totp
from django import forms
from django.utils.translation import gettext_lazy as _


class Plain(forms.Form):
    """Labels stand above the fields; said again inside them they would be in the way."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs.pop("placeholder", None)


class SignIn(Plain, account.LoginForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The page has a link of its own to Forgot Password.
        self.fields["password"].help_text = ""
        self.fields["remember"].label = _("Trust this browser")
        self.fields["remember"].help_text = _(
            "Stay signed in here for 30 days. Leave it off on a computer that others use too."
        )


class SignUp(Plain, account.SignupForm):
    pass


class AddEmail(Plain, account.AddEmailForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = _("New email")


class ResetPassword(Plain, account.ResetPasswordForm):
    pass


class ResetPasswordByLink(Plain, account.ResetPasswordKeyForm):
    pass


class ChangePassword(Plain, account.ChangePasswordForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["oldpassword"].help_text = ""


class SetPassword(Plain, account.SetPasswordForm):
    pass


class ConfirmByPassword(Plain, account.ReauthenticateForm):
    pass


class EmailCode(Plain, account.ConfirmEmailVerificationCodeForm):
    pass


class Code(Plain):
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
