"""Forms of accounts."""

from django import forms
from django.utils.translation import gettext_lazy as _


class SignUpNames(forms.Form):
    first_name = forms.CharField(label=_("First name"), max_length=100)
    last_name = forms.CharField(label=_("Last name"), max_length=100)

    def signup(self, request, user) -> None:
        pass
