"""The switches of the Notifications page."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts import mail_preferences
from accounts.mail_preferences import Kind
from accounts.models import Person


class Shown(forms.HiddenInput):
    """What the page showed. Nobody hears of it, so that no help describes it."""

    def build_attrs(self, base_attrs: dict[str, Any], extra_attrs: Any = None) -> dict[str, Any]:
        attrs: dict[str, Any] = super().build_attrs(base_attrs, extra_attrs)
        attrs.pop("aria-describedby", None)
        return attrs


class Switch(forms.BooleanField):
    hidden_widget = Shown


class MailForm(forms.Form):
    """One switch for each kind.

    What the page showed comes back with it: what a mail's link switched meanwhile stays as it is.
    """

    new_sessions = Switch(
        label=_("New sessions"),
        help_text=_("A mail whenever a session starts under your account: when, and from which device."),
        required=False,
        show_hidden_initial=True,
    )
    session_summaries = Switch(
        label=_("Session summaries"),
        help_text=_(
            "A mail after each of your sessions: its times, how long it took and how many took part. "
            "Never names, never what was said."
        ),
        required=False,
        show_hidden_initial=True,
    )
    security_alerts = Switch(
        label=_("Security alerts"),
        help_text=_(
            "A mail when a new browser or device signs in, or a device is revoked. You are always told "
            "when your password, email address or second factors change."
        ),
        required=False,
        show_hidden_initial=True,
    )

    @classmethod
    def of(cls, person: Person, data: Any = None) -> "MailForm":
        standing = mail_preferences.of(person)
        return cls(data, initial={kind.value: getattr(standing, kind) for kind in Kind})

    def switched(self) -> dict[Kind, bool]:
        """What whoever sent it changed."""
        return {Kind(name): self.cleaned_data[name] for name in self.changed_data}
