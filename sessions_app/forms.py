"""What the history is narrowed down to, and what a new session is to be."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from medimic import crypto
from medimic.api_schema import plain
from orgs.models import Organization
from sessions_app import visits
from sessions_app.history import Wanted
from sessions_app.models import Visit

CUSTOM = "custom"
PERIODS = {"day": _("Today"), "week": _("Last 7 days"), "month": _("Last 30 days")}
DAYS = {"day": 1, "week": 7, "month": 30}
FIRST_DATE, LAST_DATE = dt.date(1970, 1, 1), dt.date(2199, 12, 31)
NO_ORGANIZATION = "none"
# The address says `from`, which is no name for Python.
NAMES = {"since": "from", "until": "to"}


class DateInput(forms.DateInput):
    """A browser's own date picker; what is no date stands there as it was typed, which that one
    would not show."""

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(name, value, attrs)
        context["widget"]["type"] = "text" if attrs and attrs.get("aria-invalid") else "date"
        return context


def _date(label: Any) -> forms.DateField:
    return forms.DateField(
        label=label,
        required=False,
        input_formats=["%Y-%m-%d"],
        error_messages={"invalid": _("Write the date as year-month-day, such as 2026-11-30.")},
        validators=[
            MinValueValidator(FIRST_DATE, _("Choose a date after 1969.")),
            MaxValueValidator(LAST_DATE, _("Choose a date before 2200.")),
        ],
        widget=DateInput(),
    )


class HistoryFilter(forms.Form):
    """The address's parameters. One that makes no sense says so, and narrows nothing down.

    `from` and `to` are days of the reader's own time zone, both included; a period leaves
    no choice of days, so that they count without one alone.
    """

    q = forms.CharField(
        label=_("Search"),
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": _("Name or code")}),
    )
    period = forms.ChoiceField(
        label=_("Date range"),
        required=False,
        choices=[("", _("Any time")), *PERIODS.items(), (CUSTOM, _("Custom range"))],
    )
    since = _date(_("From"))
    until = _date(_("To"))
    mode = forms.ChoiceField(
        label=_("Mode"), required=False, choices=[("", _("Any mode")), *Visit.Mode.choices]
    )
    status = forms.ChoiceField(
        label=_("Status"), required=False, choices=[("", _("Any status")), *Visit.Status.choices]
    )

    def __init__(self, parameters: QueryDict) -> None:
        parameters = parameters.copy()
        if (parameters.get("from") or parameters.get("to")) and not parameters.get("period"):
            parameters["period"] = CUSTOM
        super().__init__(parameters, label_suffix="")

    def add_prefix(self, field_name: str) -> str:
        return NAMES.get(field_name, field_name)

    def clean(self) -> dict[str, Any]:
        found = self.cleaned_data
        if found.get("period") in DAYS:
            found["since"] = found["until"] = None
        elif found.get("period") == CUSTOM:
            found["period"] = ""
        since, until = found.get("since"), found.get("until")
        if since and until and until < since:
            self.add_error("until", _("Choose a day that is not before the first one."))
        return found

    @property
    def is_narrow(self) -> bool:
        self.is_valid()
        return any(self.cleaned_data.values())

    def query(self) -> str:
        """Its part of the address, as it was asked for."""
        names = [self.add_prefix(name) for name in self.fields]
        return urlencode({name: self.data[name] for name in names if self.data.get(name)})

    def wanted(self, zone: dt.tzinfo, now: dt.datetime) -> Wanted:
        """What it asks for; days are those of the reader's time zone."""
        self.is_valid()
        found = self.cleaned_data
        since, until = found.get("since"), found.get("until")
        if period := found.get("period"):
            since = now.astimezone(zone).date() - dt.timedelta(days=DAYS[period] - 1)
        return Wanted(
            now=now,
            since=_midnight(since, zone) if since else None,
            until=_midnight(until + dt.timedelta(days=1), zone) if until else None,
            mode=found.get("mode", ""),
            status=found.get("status", ""),
            words=found.get("q", ""),
        )


def _midnight(day: dt.date, zone: dt.tzinfo) -> dt.datetime:
    return dt.datetime.combine(day, dt.time.min, zone)


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

    def wanted(self) -> visits.Wanted:
        """What `visits.start` takes."""
        organization = self.cleaned_data.get("organization", NO_ORGANIZATION)
        return visits.Wanted(
            name=self.cleaned_data["name"],
            mode=self.cleaned_data["mode"],
            organization_id=None if organization == NO_ORGANIZATION else uuid.UUID(organization),
            chooses_organization=True,
            idempotency_key=self.cleaned_data["key"],
        )
