"""What the history can be narrowed down to."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from medimic import crypto
from medimic.api_schema import plain
from orgs.models import Organization
from sessions_app.models import Visit, VisitQuerySet
from sessions_app.visits import Wanted

PERIODS = {"day": _("Today"), "week": _("Last 7 days"), "month": _("Last 30 days")}
DAYS = {"day": 1, "week": 7, "month": 30}
NO_ORGANIZATION = "none"


class HistoryFilter(forms.Form):
    """The address's parameters. One that makes no sense narrows nothing down."""

    period = forms.ChoiceField(
        label=_("Date range"), required=False, choices=[("", _("Any time")), *PERIODS.items()]
    )
    mode = forms.ChoiceField(
        label=_("Mode"), required=False, choices=[("", _("Any mode")), *Visit.Mode.choices]
    )
    status = forms.ChoiceField(
        label=_("Status"), required=False, choices=[("", _("Any status")), *Visit.Status.choices]
    )

    @property
    def is_narrow(self) -> bool:
        self.is_valid()
        return any(self.cleaned_data.values())

    def apply(self, visits: VisitQuerySet, zone: dt.tzinfo) -> VisitQuerySet:
        """The visits that it leaves; days are those of the reader's time zone."""
        self.is_valid()
        now = timezone.now()
        wanted = self.cleaned_data
        if period := wanted.get("period"):
            first = now.astimezone(zone).date() - dt.timedelta(days=DAYS[period] - 1)
            visits = visits.filter(started_at__gte=dt.datetime.combine(first, dt.time.min, zone))
        if mode := wanted.get("mode"):
            visits = visits.filter(mode=mode)
        if status := wanted.get("status"):
            visits = visits.in_status(status, now)
        return visits


class NewSessionForm(forms.Form):
    """A session to start. Which organization's it is, is asked where there is a choice.

    `key` names this wish: sent twice, it finds the session of the first time.
    """

    name = forms.CharField(
        label=_("Session Name"),
        max_length=120,
        help_text=_("Nobody but its participants reads it."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    mode = forms.ChoiceField(
        label=_("Mode"),
        choices=[
            (Visit.Mode.SHARED_DEVICE.value, _("Shared Device: everybody uses this screen")),
            (Visit.Mode.TWO_DEVICE.value, _("Two-Device: others join with the session code")),
        ],
        widget=forms.RadioSelect,
        initial=Visit.Mode.SHARED_DEVICE.value,
    )
    organization = forms.ChoiceField(
        label=_("Organization"), help_text=_("Its plan is charged, and its figures count it.")
    )
    key = forms.RegexField(r"^[\w-]{43}$", widget=forms.HiddenInput, initial=crypto.new_token)

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        organizations: Sequence[Organization],
        usual: Organization | None,
    ) -> None:
        super().__init__(data, initial={"organization": str(usual.pk) if usual else NO_ORGANIZATION})
        if not organizations:
            del self.fields["organization"]
            return
        own = (NO_ORGANIZATION, _("None: on my own plan"))
        choices = [(str(organization.pk), organization.name) for organization in organizations]
        self.fields["organization"].choices = [*choices, own]  # type: ignore[attr-defined]

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        try:
            return plain(name)
        except ValueError:
            raise ValidationError(_("Leave out signs that cannot be seen.")) from None

    def wanted(self) -> Wanted:
        """What `visits.start` takes."""
        organization = self.cleaned_data.get("organization", NO_ORGANIZATION)
        return Wanted(
            name=self.cleaned_data["name"],
            mode=self.cleaned_data["mode"],
            organization_id=None if organization == NO_ORGANIZATION else uuid.UUID(organization),
            chooses_organization=True,
            idempotency_key=self.cleaned_data["key"],
        )
