"""Forms of the pages that span several floors."""

import uuid
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import Person
from medimic.audit.forms import LogFilter
from medimic.flows import audit_rows
from medimic.flows.audit_rows import Wanted
from orgs import members
from orgs.models import Organization


class AuditFilter(LogFilter):
    """Of an organization's audit. A person is a member, of now or of before, by id, name or email address."""

    field_order = ("person", "kind")
    person = forms.CharField(
        label=_("Person"),
        required=False,
        max_length=100,
        widget=forms.TextInput({"type": "search", "autocomplete": "off"}),
    )

    def __init__(self, data: Any, *, organization: Organization) -> None:
        super().__init__(data, kinds=audit_rows.kinds())
        self.organization = organization
        self.person_name = ""

    def wanted(self, reader: Person) -> Wanted:
        since, until = self.bounds(reader)
        kind = self.cleaned_data.get("kind") or ""
        return Wanted(people=self._people(), kind=kind, since=since, until=until)

    def facts(self, wanted: Wanted) -> dict[str, str | int | None]:
        """The same for the log itself, where what somebody typed has no place."""
        people = None if wanted.people is None else len(wanted.people)
        return {"kind": wanted.kind or None, "people": people, **self.dates()}

    def _people(self) -> tuple[uuid.UUID, ...] | None:
        text = str(self.cleaned_data.get("person") or "").strip()
        if not text:
            return None
        found = members.people_of(self.organization, text)
        self.person_name = found[0].name if len(found) == 1 else ""
        return tuple(person.pk for person in found)
