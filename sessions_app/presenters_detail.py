"""One session as its page tells it: the facts, who was there when, and a thin timeline of it."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from accounts.models import Person
from medimic.formatting import Dates
from medimic.templatetags.look import icon
from sessions_app.models import Participant, Visit
from sessions_app.presenters import BADGES, duration

# The timeline's own units, from the session's start to its end.
WIDTH = 1000
# Whoever was there for seconds of hours is seen all the same.
NARROWEST = 6


@dataclass(frozen=True, slots=True)
class Stay:
    """One participant: from when to when, in words and as a bar of the timeline."""

    name: str
    role: str
    is_host: bool
    joined: str
    left: str
    lasted: str
    x: int
    width: int


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """What the page says. `started_at` and `now` are instants for the script that lets the duration run;
    `is_utc`: the reader's own time zone is UTC, so that one time says both."""

    status: str
    badge: str
    icon: SafeString
    is_active: bool
    start_utc: str
    start_local: str
    zone: str
    is_utc: bool
    end_local: str
    end_label: str
    duration: str
    started_at: str
    now: str
    mode: str
    stays: list[Stay]

    @classmethod
    def of(cls, visit: Visit, *, reader: Person, now: dt.datetime) -> "SessionFacts":
        """One query, for the participants."""
        dates = Dates(reader.date_locale, reader.time_zone, now=now)
        status = visit.status(now)
        badge, sign = BADGES[status]
        over_at = visit.ended_at or visit.expires_at
        is_active = status is Visit.Status.ACTIVE
        admitted = visit.participants.admitted().order_by("-is_host", "joined_at", "id")
        return cls(
            status=str(status.label),
            badge=badge,
            icon=icon(sign),
            is_active=is_active,
            start_utc=Dates(reader.date_locale, "UTC", now=now).date_time(visit.started_at),
            start_local=dates.date_time(visit.started_at),
            zone=dates.zone.key,
            is_utc=dates.zone.key == "UTC",
            end_local=_moment(over_at, visit, dates),
            end_label=_("Ended") if visit.ended_at else _("Expires") if is_active else _("Expired"),
            duration=duration(visit.duration(now)),
            started_at=visit.started_at.isoformat(),
            now=now.isoformat(),
            mode=str(visit.get_mode_display()),
            stays=stays(visit, admitted, dates),
        )


def stays(visit: Visit, admitted: Iterable[Participant], dates: Dates) -> list[Stay]:
    """Bars on one scale: the session's length, so far where it runs."""
    over_at = visit.ended_at or min(dates.now, visit.expires_at)
    length = max((over_at - visit.started_at).total_seconds(), 1)
    found = []
    for one in admitted:
        # The clocks of two processes may differ by some milliseconds: nobody is there before the start.
        joined = min(max(one.joined_at, visit.started_at), over_at)
        left = min(max(one.left_at or over_at, joined), over_at)
        x = round((joined - visit.started_at).total_seconds() / length * WIDTH)
        width = max(round((left - joined).total_seconds() / length * WIDTH), NARROWEST)
        is_there = one.left_at is None and over_at == dates.now
        found.append(
            Stay(
                # A guest's device gives nobody's name.
                name=one.name or _("Guest"),
                role=str(one.get_role_display()),
                is_host=one.is_host,
                joined=_moment(joined, visit, dates),
                left="" if is_there else _moment(left, visit, dates),
                lasted=duration(left - joined),
                x=min(x, WIDTH - NARROWEST),
                width=min(width, WIDTH - min(x, WIDTH - NARROWEST)),
            )
        )
    return found


def _moment(instant: dt.datetime, visit: Visit, dates: Dates) -> str:
    """The time of day; with its date where that is not the one on which the session started."""
    first_day = visit.started_at.astimezone(dates.zone).date()
    is_same_day = instant.astimezone(dates.zone).date() == first_day
    return dates.time(instant) if is_same_day else dates.date_time(instant)
