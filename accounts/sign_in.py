"""The sign-in form. Apart from the other forms, which allauth's own module imports."""

from typing import Any

from allauth.account.forms import LoginForm
from django.utils.translation import gettext_lazy as _


class SignIn(LoginForm):
    """allauth's form in our words."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = _("Email")
        self.fields["remember"].label = _("Trust this browser")
        self.fields["remember"].help_text = _(
            "Stay signed in here for 30 days. Leave it off on a computer that others use too."
        )
        for field in self.fields.values():
            field.widget.attrs.pop("placeholder", None)
