"""Organization → Devices: what the list is sorted by and narrowed down to, by its address."""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from devices import fleet, policies
from devices.models import FleetEntry, Platform
from devices.table import Header
from orgs.models import Organization, Policy

State = FleetEntry.State
LATEST_FIRST = "-last_seen"
APP, OS = "app", "os"


@dataclass(frozen=True)
class Column:
    """`key` are the fields that its rows are sorted by, in the order of an index."""

    name: str
    label: Promise
    key: tuple[str, ...]
    highest_first: bool = False


COLUMNS = (
    Column("name", _("Device"), ("name_key", "id")),
    Column("provider", _("Provider"), ("provider_key", "id")),
    Column("os", _("OS"), ("os_key", "id")),
    Column("app", _("App Version"), ("app_key", "id")),
    Column("sessions", _("Sessions"), ("sessions", "id"), highest_first=True),
    Column("last_seen", _("Last active"), ("last_seen_at", "id"), highest_first=True),
    Column("status", _("Status"), ("state", "last_seen_at", "id")),
)
SORTS = {f"{sign}{column.name}": column for column in COLUMNS for sign in ("", "-")}


class FleetFilter(forms.Form):
    """The address's parameters. One that makes no sense narrows nothing down, and sorts nothing."""

    q = forms.CharField(
        label=_("Search"),
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": _("Provider, device or model")}),
    )
    platform = forms.ChoiceField(
        label=_("Platform"), required=False, choices=[("", _("Any platform")), *Platform.choices]
    )
    outdated = forms.ChoiceField(
        label=_("Outdated"),
        required=False,
        choices=[("", _("Any version")), (APP, _("Outdated app")), (OS, _("Outdated OS"))],
    )
    unused = forms.ChoiceField(
        label=_("Not seen for"),
        required=False,
        choices=[
            ("", _("Any time")),
            ("7", _("7 days")),
            ("30", _("30 days")),
            ("60", _("60 days")),
            ("90", _("90 days")),
            ("180", _("180 days")),
        ],
    )
    pooled = forms.ChoiceField(
        label=_("Pool"),
        required=False,
        choices=[("", _("All devices")), ("yes", _("Pooled")), ("no", _("Not pooled"))],
    )
    status = forms.ChoiceField(
        label=_("Status"),
        required=False,
        choices=[("", _("Any status")), ("active", _("Active")), ("inactive", _("Inactive"))],
    )
    provider = forms.UUIDField(required=False, widget=forms.HiddenInput())
    # A bar of the pictures above the list: "ios 17", and an app's version.
    os = forms.CharField(required=False, max_length=60, widget=forms.HiddenInput())
    app = forms.CharField(required=False, max_length=120, widget=forms.HiddenInput())
    sort = forms.ChoiceField(
        required=False, choices=[(sort, sort) for sort in SORTS], widget=forms.HiddenInput()
    )

    @property
    def is_narrow(self) -> bool:
        return any(self.wanted(name) for name in self.fields if name != "sort")

    @property
    def sort_by(self) -> str:
        """The column that rows are sorted by, with a minus where it is backwards."""
        return self.wanted("sort") or LATEST_FIRST

    @property
    def order(self) -> tuple[str, ...]:
        """For `page_of`: all the same way, so that the index serves."""
        sign = "-" if self.sort_by.startswith("-") else ""
        return tuple(f"{sign}{field}" for field in SORTS[self.sort_by].key)

    def apply(
        self, rows: "QuerySet[FleetEntry]", lowest: "Lowest", at: dt.datetime | None = None
    ) -> "QuerySet[FleetEntry]":
        """What of the organization's list fits, unordered."""
        condition = Q()
        for word in str(self.wanted("q")).lower().split():
            condition &= Q(words__contains=word)
        for field in ("platform", "provider"):
            if value := self.wanted(field):
                condition &= Q(**{"person" if field == "provider" else field: value})
        if outdated := self.wanted("outdated"):
            condition &= lowest.older_app() if outdated == APP else lowest.older_os()
        if days := self.wanted("unused"):
            condition &= Q(last_seen_at__lte=(at or timezone.now()) - dt.timedelta(days=int(days)))
        if pooled := self.wanted("pooled"):
            condition &= Q(person__isnull=pooled == "yes")
        if status := self.wanted("status"):
            condition &= Q(state=State.ACTIVE if status == "active" else State.ENDED)
        if group := self.wanted("os"):
            condition &= Q(os_group=group.lower())
        if app := self.wanted("app"):
            condition &= Q(app_key=app)
        return rows.filter(condition)

    def wanted(self, field: str) -> Any:
        self.is_valid()
        return self.cleaned_data.get(field) or ""


@dataclass(frozen=True)
class Lowest:
    """The versions below which a device counts as outdated: those of the policy, and where it names
    none for a platform, the newest that any active device of the list runs (of systems, the newest
    main version)."""

    app: Mapping[str, str]
    os: Mapping[str, str]

    @classmethod
    def of(cls, policy: Policy, counts: Mapping[tuple[str, str, str], int]) -> "Lowest":
        app: dict[str, str] = {}
        system: dict[str, str] = {}
        for platform, group, app_key in counts:
            if app_key > app.get(platform, ""):
                app[platform] = app_key
            main = fleet.main_version(platform, group)
            if main and int(main) > int(system.get(platform, "0")):
                system[platform] = main
        return cls({**app, **policy.lowest_app}, {**system, **policy.lowest_os})

    def older_app(self) -> Q:
        return policies.below_app(self.app)

    def older_os(self) -> Q:
        return policies.below_os(self.os)


def rows_of(organization: Organization) -> "QuerySet[FleetEntry]":
    return FleetEntry.objects.filter(organization=organization)


def entry_of(organization: Organization, authorization_id: uuid.UUID) -> "QuerySet[FleetEntry]":
    """The row of a member's device in this organization's list; others have none."""
    return rows_of(organization).filter(authorization=authorization_id)


def headers(chosen: FleetFilter, parameters: QueryDict) -> list[Header]:
    """The heads of all columns, with addresses that keep what the list is narrowed down to."""
    kept = parameters.copy()
    for gone in ("after", "before", "page", "sort"):
        kept.pop(gone, None)
    found = []
    for column in COLUMNS:
        is_sorted, is_backwards = (
            chosen.sort_by.lstrip("-") == column.name,
            chosen.sort_by.startswith("-"),
        )
        goes_backwards = not is_backwards if is_sorted else column.highest_first
        address = kept.copy()
        address["sort"] = f"-{column.name}" if goes_backwards else column.name
        direction = ("descending" if is_backwards else "ascending") if is_sorted else ""
        found.append(Header(column.name, column.label, f"?{address.urlencode()}", direction))
    return found
