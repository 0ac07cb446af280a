"""The list as a CSV file: of as many devices as there are, in the memory of a few."""

from collections.abc import Iterator

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from devices.fleet import NEVER
from devices.fleet_presenters import FleetPresenter, shown
from devices.models import FleetEntry

AT_ONCE = 500


def header() -> list[str]:
    return [
        _("Provider"),
        _("E-mail"),
        _("Device"),
        _("Place in the pool"),
        _("Model"),
        _("Type"),
        _("OS"),
        _("App Version"),
        _("Sessions"),
        _("Last active (UTC)"),
        _("Status"),
        _("Reason"),
        _("Against the policy"),
    ]


def lines(rows: "QuerySet[FleetEntry]", present: FleetPresenter) -> Iterator[list[object]]:
    """One line for each row of the list, in its order. A page of rows is held at a time."""
    batch: list[FleetEntry] = []
    for entry in shown(rows).iterator(chunk_size=AT_ONCE):
        batch.append(entry)
        if len(batch) == AT_ONCE:
            yield from _lines(batch, present)
            batch = []
    yield from _lines(batch, present)


def _lines(batch: list[FleetEntry], present: FleetPresenter) -> Iterator[list[object]]:
    for entry, row in zip(batch, present.rows(batch), strict=True):
        seen = entry.last_seen_at
        yield [
            row.provider,
            entry.person.email if entry.person else None,
            row.name,
            entry.device.place if row.is_pooled else None,
            entry.device.model,
            entry.device.get_device_type_display(),
            row.os,
            row.app_version,
            row.sessions,
            None if seen == NEVER else f"{seen:%Y-%m-%d %H:%M}",
            row.status.label,
            row.status.reason,
            "; ".join(row.marks),
        ]
