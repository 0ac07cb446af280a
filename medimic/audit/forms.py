"""What the log, and a reader's own activity in it, can be narrowed down to."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from medimic.audit.presenters import registered_kinds, title

DAY = forms.DateInput({"type": "date"}, format="%Y-%m-%d")
# Headings of the choice of kinds, by the app that writes them.
AREAS: dict[str, str | Promise] = {
    "accounts": _("Account and sign-in"),
    "devices": _("Devices"),
    "sessions": _("Sessions"),
    "orgs": _("Organizations"),
    "billing": _("Billing"),
    "desk": _("Support"),
    "audit": _("Activity log"),
}


@dataclass(frozen=True)
class Wanted:
    """`kinds` is None for every kind, and empty for none."""

    kinds: tuple[str, ...] | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None


class LogFilter(forms.Form):
    """The parameters of a page of the log. One that makes no sense narrows nothing down.

    Days are those of the reader's time zone, and both ends belong to the range.
    """

    kind = forms.ChoiceField(label=_("What"), required=False)

    def __init__(self, data: Any, *, kinds: Iterable[Any]) -> None:
        super().__init__(data, label_suffix="")
        self.fields["kind"].choices = [("", _("Everything")), *kinds]  # type: ignore[attr-defined]
        labels = {"from": pgettext_lazy("first day", "From"), "to": pgettext_lazy("last day", "To")}
        for name, label in labels.items():
            self.fields[name] = forms.DateField(label=label, required=False, widget=DAY)
        self.is_valid()

    def bounds(self, reader: Any) -> tuple[dt.datetime | None, dt.datetime | None]:
        """From the first instant on, up to and without the second; None where there is no bound."""
        zone = ZoneInfo(reader.time_zone)
        first, last = self.cleaned_data.get("from"), self.cleaned_data.get("to")
        after = last + dt.timedelta(days=1) if last and last < dt.date.max else None
        since, until = (
            dt.datetime.combine(day, dt.time.min, zone) if day else None for day in (first, after)
        )
        return since, until

    @property
    def query(self) -> str:
        """What it is narrowed down to, as an address says it."""
        return urlencode(
            {name: self.data.get(name, "") for name in self.fields if self.cleaned_data.get(name)}
        )

    def dates(self) -> dict[str, str | None]:
        """The days asked for, as the log keeps them."""
        return {name: str(self.cleaned_data.get(name) or "") or None for name in ("from", "to")}


class ActivityFilter(LogFilter):
    """Of one's own activity. Text is looked for in what kinds of events are called."""

    field_order = ("q", "kind")
    q = forms.CharField(
        label=_("Search"),
        required=False,
        max_length=100,
        widget=forms.TextInput({"type": "search", "autocomplete": "off"}),
    )

    def __init__(self, data: Any) -> None:
        super().__init__(data, kinds=_choices())

    def wanted(self, reader: Any) -> Wanted:
        since, until = self.bounds(reader)
        return Wanted(kinds=self._kinds(), since=since, until=until)

    def facts(self) -> dict[str, str | int | bool | None]:
        """The same for the log itself, where what somebody typed has no place."""
        return {
            "kind": self.cleaned_data.get("kind") or None,
            "text": bool(self.cleaned_data.get("q")) or None,
            **self.dates(),
        }

    def _kinds(self) -> tuple[str, ...] | None:
        kind = self.cleaned_data.get("kind") or ""
        words = str(self.cleaned_data.get("q") or "").casefold().split()
        if not words:
            return (kind,) if kind else None
        kinds = [kind] if kind else registered_kinds()
        return tuple(sorted(kind for kind in kinds if all(word in title(kind).casefold() for word in words)))


def _choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """All kinds, below the part of the portal that they belong to."""
    named = [(kind.partition(".")[0], title(kind), kind) for kind in registered_kinds()]
    order = list(AREAS)
    known = sorted((order.index(area), words, kind) for area, words, kind in named if area in AREAS)
    return [
        (str(AREAS[order[area]]), [(kind, words) for _area, words, kind in rows])
        for area, rows in groupby(known, key=lambda row: row[0])
    ]
