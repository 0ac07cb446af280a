"""Who is to be invited to a session."""

from django import forms
from django.utils.translation import gettext_lazy as _


class InviteForm(forms.Form):
    email = forms.EmailField(
        label=_("E-mail address of your colleague"),
        max_length=254,
        help_text=_(
            "They sign in with it to accept. The mail says who invites, not what the session is called."
        ),
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
