"""Forms of the pages that span several floors."""

import datetime as dt
import uuid
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Person
from medimic.flows import audit_rows
from medimic.flows.audit_rows import Wanted
from orgs import members
from orgs.models import Organization

DAY = forms.DateInput({"type": "date"}, format="%Y-%m-%d")
NAMES = ("person", "kind", "from", "to")


class AuditFilter(forms.Form):
    """The parameters of an organization's audit. One that makes no sense narrows nothing down.

    A person is a member, of now or of before, by id, name or email address. Days are those of
    the reader's time zone, and both ends belong to the range.
    """

    person = forms.CharField(
        label=_("Person"),
        required=False,
        max_length=100,
        widget=forms.TextInput({"type": "search", "autocomplete": "off"}),
    )
    kind = forms.ChoiceField(label=_("What"), required=False)

    def __init__(self, data: Any, *, organization: Organization) -> None:
        super().__init__(data, label_suffix="")
        self.organization = organization
        self.fields["kind"].choices = [("", _("Everything")), *audit_rows.kinds()]  # type: ignore[attr-defined]
        labels = {"from": pgettext_lazy("first day", "From"), "to": pgettext_lazy("last day", "To")}
        for name, label in labels.items():
            self.fields[name] = forms.DateField(label=label, required=False, widget=DAY)
        self.is_valid()
        self.person_name = ""

    def wanted(self, reader: Person, *, until: dt.datetime | None = None) -> Wanted:
        """`until` is the end where the reader asks for none, or for a later one."""
        zone = ZoneInfo(reader.time_zone)
        first, last = self.cleaned_data.get("from"), self.cleaned_data.get("to")
        ends = [until] if until else []
        if last and last < dt.date.max:
            ends.append(dt.datetime.combine(last + dt.timedelta(days=1), dt.time.min, zone))
        return Wanted(
            people=self._people(),
            kind=self.cleaned_data.get("kind") or "",
            since=dt.datetime.combine(first, dt.time.min, zone) if first else None,
            until=min(ends, default=None),
        )

    @property
    def query(self) -> str:
        """What it is narrowed down to, as an address says it."""
        given = {name: self.data.get(name, "") for name in NAMES if self.cleaned_data.get(name)}
        return urlencode(given)

    def facts(self, wanted: Wanted) -> dict[str, str | int | None]:
        """The same for the log itself, where what somebody typed has no place."""
        dates = {name: str(self.cleaned_data.get(name) or "") or None for name in ("from", "to")}
        people = None if wanted.people is None else len(wanted.people)
        return {"kind": wanted.kind or None, "people": people, **dates}

    def _people(self) -> tuple[uuid.UUID, ...] | None:
        text = str(self.cleaned_data.get("person") or "").strip()
        if not text:
            return None
        found = members.people_of(self.organization, text)
        self.person_name = found[0].name if len(found) == 1 else ""
        return tuple(person.pk for person in found)
