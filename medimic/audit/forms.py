"""What a reader's own activity can be narrowed down to."""

import datetime as dt
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
NAMES = ("q", "kind", "from", "to")
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
# Of kinds whose sentence begins with what differs, or is made up from case to case.
TITLES: dict[str, str | Promise] = {
    "accounts.factor_added": _("Added a second factor"),
    "accounts.factor_removed": _("Removed a second factor"),
    "accounts.profile_changed": _("Changed the profile"),
    "accounts.signed_in": _("Signed in"),
    "devices.bulk_revoked": _("Revoked several devices in one act"),
    "devices.confirmation_asked": _("Used a device link"),
    "devices.confirmation_refused": _("Refused a device"),
    "devices.policy_changed": _("Changed the policies"),
    "devices.pool_left": _("Gave a pooled device back"),
    "devices.pool_requested": _("Asked for a device for the pool"),
    "devices.pool_withdrawn": _("No longer asked for a device for the pool"),
    "devices.pooled": _("Took a device into the pool"),
    "devices.revoked": _("Revoked a device"),
    "devices.sign_in_refused": _("Refused a device's sign-in"),
    "devices.updated": _("Reported a change of a device"),
    "orgs.second_factor_asked": _("Asked for a second factor"),
}


@dataclass(frozen=True)
class Wanted:
    """`kinds` is None for every kind, and empty for none."""

    kinds: tuple[str, ...] | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None


class ActivityFilter(forms.Form):
    """The parameters of the Activity page. One that makes no sense narrows nothing down.

    Text is looked for in what kinds of events are called. Days are those of the reader's time
    zone, and both ends belong to the range.
    """

    q = forms.CharField(
        label=_("Search"),
        required=False,
        max_length=100,
        widget=forms.TextInput({"type": "search", "autocomplete": "off"}),
    )
    kind = forms.ChoiceField(label=_("What"), required=False)

    def __init__(self, data: Any) -> None:
        super().__init__(data, label_suffix="")
        self.fields["kind"].choices = [("", _("Everything")), *_choices()]  # type: ignore[attr-defined]
        labels = {"from": pgettext_lazy("first day", "From"), "to": pgettext_lazy("last day", "To")}
        for name, label in labels.items():
            self.fields[name] = forms.DateField(label=label, required=False, widget=DAY)
        self.is_valid()

    def wanted(self, reader: Any) -> Wanted:
        zone = ZoneInfo(reader.time_zone)
        first, last = self.cleaned_data.get("from"), self.cleaned_data.get("to")
        after = last + dt.timedelta(days=1) if last and last < dt.date.max else None
        return Wanted(
            kinds=self._kinds(),
            since=dt.datetime.combine(first, dt.time.min, zone) if first else None,
            until=dt.datetime.combine(after, dt.time.min, zone) if after else None,
        )

    @property
    def query(self) -> str:
        """What it is narrowed down to, as an address says it."""
        return urlencode({name: self.data.get(name, "") for name in NAMES if self.cleaned_data.get(name)})

    def facts(self) -> dict[str, str | int | bool | None]:
        """The same for the log itself, where what somebody typed has no place."""
        dates = {name: str(self.cleaned_data.get(name) or "") or None for name in ("from", "to")}
        return {
            "kind": self.cleaned_data.get("kind") or None,
            "text": bool(self.cleaned_data.get("q")) or None,
            **dates,
        }

    def _kinds(self) -> tuple[str, ...] | None:
        kind = self.cleaned_data.get("kind") or ""
        words = str(self.cleaned_data.get("q") or "").casefold().split()
        if not words:
            return (kind,) if kind else None
        kinds = [kind] if kind else registered_kinds()
        return tuple(
            sorted(kind for kind in kinds if all(word in name_of(kind).casefold() for word in words))
        )


def name_of(kind: str) -> str:
    """What a kind of event is called."""
    return str(TITLES.get(kind) or title(kind))


def _choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """All kinds, below the part of the portal that they belong to."""
    named = [(kind.partition(".")[0], name_of(kind), kind) for kind in registered_kinds()]
    order = list(AREAS)
    known = sorted((order.index(area), words, kind) for area, words, kind in named if area in AREAS)
    return [
        (str(AREAS[order[area]]), [(kind, words) for _area, words, kind in rows])
        for area, rows in groupby(known, key=lambda row: row[0])
    ]
