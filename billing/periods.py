"""Billing periods: calendar months counted from an anchor's day, in whole days of UTC."""

import calendar
import datetime as dt
from dataclasses import dataclass

# What quotas that never reset are counted from.
EVER = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Period:
    """From `start` on, up to and without `end`."""

    start: dt.datetime
    end: dt.datetime

    @property
    def first_day(self) -> dt.date:
        return self.start.date()

    @property
    def last_day(self) -> dt.date:
        return self.end.date() - dt.timedelta(days=1)

    def __contains__(self, instant: dt.datetime) -> bool:
        return self.start <= instant < self.end


def months_after(anchor: dt.datetime, months: int) -> dt.datetime:
    """The anchor's day and time so many calendar months later (or earlier, if negative).

    Where that month is too short, its last day: 31 January, 28 February, 31 March.
    Always counted from the anchor, so that a short month does not move the later ones.
    """
    anchor = anchor.astimezone(dt.UTC)
    years, month = divmod(anchor.month - 1 + months, 12)
    year, month = anchor.year + years, month + 1
    day = min(anchor.day, calendar.monthrange(year, month)[1])
    return anchor.replace(year=year, month=month, day=day)


def period_containing(instant: dt.datetime, anchor: dt.datetime) -> Period:
    """The period that an instant falls into. Periods begin at midnight, whatever the anchor's time."""
    instant = instant.astimezone(dt.UTC)
    anchor = anchor.astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    months = (instant.year - anchor.year) * 12 + instant.month - anchor.month
    if months_after(anchor, months) > instant:
        months -= 1
    return Period(months_after(anchor, months), months_after(anchor, months + 1))
