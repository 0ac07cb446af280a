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
