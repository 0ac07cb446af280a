"""The table of Connected Devices: what it is sorted by and narrowed down to, by its address."""

import datetime as dt
from dataclasses import dataclass

from django import forms
from django.db.models import Case, CharField, F, IntegerField, Q, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Concat, Lower, NullIf
from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from devices.models import DeviceAuthorizationQuerySet

STORAGE_KEY = "table-settings-devices-column-visibility"
ACTIVE, INACTIVE = "active", "inactive"
NEWEST_FIRST = "-created_at"
NEVER = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def _text(expression: "str | Combinable") -> Coalesce:
    """Without a null, which belongs to no page: what a pending row lacks comes before all else."""
    return Coalesce(expression, Value(""), output_field=CharField())


@dataclass(frozen=True)
class Column:
    """One column, named as the API's field. `key` is what its rows are sorted by; a phone
    number is kept encrypted, so that nothing can be sorted by it."""

    name: str
    label: Promise
    key: Combinable | None
    newest_first: bool = False


COLUMNS = (
    Column("name", _("Name"), Lower(_text(Coalesce(NullIf("name", Value("")), "device__model")))),
    Column("model", _("Model"), Lower(_text("device__model"))),
    Column("device_type_id", _("Type"), _text("device__device_type")),
    Column("phone_number", _("Phone Number"), None),
    Column(
        "os",
        _("OS"),
        _text(Concat("device__platform", Value(" "), "device__os_version_key", output_field=CharField())),
    ),
    Column("app_version", _("App Version"), _text("device__app_version_key"), newest_first=True),
    Column("created_at", _("Registered At"), F("created_at"), newest_first=True),
    Column("last_seen_at", _("Last active"), Coalesce("last_seen_at", Value(NEVER)), newest_first=True),
    Column(
        "device_status_id",
        _("Status"),
        Case(
            When(revoked_at__isnull=False, then=Value(2)),
            When(device=None, then=Value(1)),
            default=Value(0),
            output_field=IntegerField(),
        ),
    ),
)
SORTS = {f"{sign}{column.name}": column for column in COLUMNS if column.key is not None for sign in ("", "-")}


class DeviceFilter(forms.Form):
    """The address's parameters. One that makes no sense narrows nothing down, and sorts nothing."""

    q = forms.CharField(
        label=_("Search"),
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": _("Name or model")}),
    )
    status = forms.ChoiceField(
        label=_("Status"),
        required=False,
        choices=[("", _("Any status")), (ACTIVE, _("Active")), (INACTIVE, _("Inactive"))],
    )
    sort = forms.ChoiceField(
        required=False, choices=[(sort, sort) for sort in SORTS], widget=forms.HiddenInput()
    )

    @property
    def is_narrow(self) -> bool:
        return bool(self._wanted("q") or self._wanted("status"))

    @property
    def sort_by(self) -> str:
        """The column that rows are sorted by, with a minus where it is backwards."""
        return self._wanted("sort") or NEWEST_FIRST

    @property
    def order(self) -> tuple[str, str]:
        """For `page_of`, on rows that `apply` gave."""
        return ("-sort_key" if self.sort_by.startswith("-") else "sort_key", "id")

    def apply(self, rows: DeviceAuthorizationQuerySet) -> DeviceAuthorizationQuerySet:
        rows = rows.annotate(sort_key=SORTS[self.sort_by].key)
        if words := self._wanted("q"):
            rows = rows.filter(Q(name__icontains=words) | Q(device__model__icontains=words))
        if status := self._wanted("status"):
            active = Q(revoked_at=None, device__isnull=False)
            rows = rows.filter(active if status == ACTIVE else ~active)
        return rows

    def _wanted(self, field: str) -> str:
        self.is_valid()
        text: str = self.cleaned_data.get(field, "")
        return text


@dataclass(frozen=True)
class Header:
    """One column's head. `href` sorts by it, and turns the order round where that is so already."""

    name: str
    label: Promise
    href: str
    aria_sort: str

    @property
    def is_fixed(self) -> bool:
        """The name is what a row is known by: it cannot be hidden."""
        return self.name == "name"


def headers(chosen: DeviceFilter, parameters: QueryDict) -> list[Header]:
    """The heads of all columns, with addresses that keep what the table is narrowed down to."""
    kept = parameters.copy()
    for gone in ("after", "before", "sort"):
        kept.pop(gone, None)
    return [_header(column, chosen.sort_by, kept) for column in COLUMNS]


def _header(column: Column, sort_by: str, parameters: QueryDict) -> Header:
    if column.key is None:
        return Header(column.name, column.label, "", "")
    is_sorted, is_backwards = sort_by.lstrip("-") == column.name, sort_by.startswith("-")
    goes_backwards = not is_backwards if is_sorted else column.newest_first
    address = parameters.copy()
    address["sort"] = f"-{column.name}" if goes_backwards else column.name
    direction = ("descending" if is_backwards else "ascending") if is_sorted else ""
    return Header(column.name, column.label, f"?{address.urlencode()}", direction)
