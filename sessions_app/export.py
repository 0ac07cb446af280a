"""The history as a file."""

from collections.abc import Iterable, Iterator

from django.utils.translation import gettext as _

from accounts.models import Person
from medimic.formatting import Dates
from sessions_app.models import Visit


def header(dates: Dates) -> list[str]:
    return [
        _("Session Name"),
        _("Session Code"),
        _("Start (UTC)"),
        _("Start (%(zone)s)") % {"zone": dates.zone.key},
        _("Duration (minutes)"),
        _("Mode"),
        _("Status"),
        _("Your part"),
        _("Device"),
    ]


def rows(visits: Iterable[Visit], *, viewer: Person, dates: Dates) -> Iterator[list[object]]:
    """One line for each, in the order of `header`; times as spreadsheets know them, durations so far."""
    # Read while the answer is on its way: words are translated before that, in the reader's language.
    modes = {mode.value: str(mode.label) for mode in Visit.Mode}
    statuses = {status: str(status.label) for status in Visit.Status}
    host, took_part = _("Host"), _("Took part")
    return (
        [
            visit.name,
            visit.code,
            f"{visit.started_at:%Y-%m-%d %H:%M:%S}",
            f"{visit.started_at.astimezone(dates.zone):%Y-%m-%d %H:%M:%S}",
            int(visit.duration(dates.now).total_seconds()) // 60,
            modes[visit.mode],
            statuses[visit.status(dates.now)],
            host if visit.host_id == viewer.pk else took_part,
            visit.authorization.title if visit.host_id == viewer.pk else "",
        ]
        for visit in visits
    )
