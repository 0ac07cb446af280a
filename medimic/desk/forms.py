"""What support is asked before it acts."""

from django import forms
from django.utils.translation import gettext_lazy as _

from medimic.desk.events import IDENTITY

SHORTEST, LONGEST = 10, 280


class ReasonForm(forms.Form):
    """Why: it stands in the log, and the person reads it."""

    reason = forms.CharField(
        label=_("Reason"),
        min_length=SHORTEST,
        max_length=LONGEST,
        strip=True,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_(
            "The person reads it in their Activity, and it stays in the log for six years. "
            "No clinical facts, no codes, no passwords."
        ),
        error_messages={"min_length": _("Say it in %(limit_value)d characters or more.")},
    )


class IdentityForm(ReasonForm):
    """How support made sure of who asks; there is no default."""

    identity = forms.ChoiceField(
        label=_("How you made sure that it is them"),
        choices=[("", "–"), *IDENTITY.items()],
        error_messages={"required": _("Choose one. Without it, nothing is removed.")},
        help_text=_("An e-mail or a call from a number that you cannot check is not enough."),
    )
    field_order = ("identity", "reason")


class CreditForm(ReasonForm):
    """How much of an invoice is given back, without tax; all that is left of it without an amount."""

    amount = forms.DecimalField(
        label=_("Amount without tax"),
        required=False,
        min_value=0,
        decimal_places=2,
        max_digits=10,
        help_text=_("Leave it empty to give back all that is left."),
    )
    field_order = ("amount", "reason")


class SessionsForm(ReasonForm):
    sessions = forms.IntegerField(label=_("Sessions"), min_value=1, max_value=1000)
    field_order = ("sessions", "reason")
