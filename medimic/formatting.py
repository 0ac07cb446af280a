"""Dates as one person reads them: in their locale's form and their time zone."""

import datetime as dt
import zoneinfo
from functools import lru_cache
from typing import Protocol

from babel import Locale
from babel import dates as babel_dates
from django.utils import timezone, translation


class Reader(Protocol):
    """Whose dates they are; a person, or anything that has these two."""

    date_locale: str
    time_zone: str


@lru_cache(maxsize=32)
def _locale(name: str) -> Locale:
    return Locale.parse(name)


class Dates:
    """Formats instants for one reader. Made once for a page; remembers what it formatted.

    The locale gives the form of dates and times, the active language the words
    of relative times.
    """

    def __init__(self, date_locale: str, time_zone: str, *, now: dt.datetime | None = None) -> None:
        self.locale = _locale(date_locale)
        self.zone = zoneinfo.ZoneInfo(time_zone)
        self.now = now or timezone.now()
        self.words = _locale(translation.get_language() or "en")
        self._known: dict[tuple[str, dt.datetime], str] = {}

    @classmethod
    def of(cls, reader: Reader) -> "Dates":
        return cls(reader.date_locale, reader.time_zone)

    def date(self, instant: dt.datetime) -> str:
        """ "21 Nov 2026" in the reader's locale."""
        return self._remember("date", instant)

    def date_time(self, instant: dt.datetime) -> str:
        """ "21 Nov 2026, 14:05" in the reader's locale and time zone."""
        return self._remember("date_time", instant)

    def named(self, instant: dt.datetime) -> str:
        """ "21 Nov 2026, 14:05 (Europe/Berlin)": for what is read away from the portal, as a mail is."""
        return f"{self.date_time(instant)} ({self.zone.key})"

    def time(self, instant: dt.datetime) -> str:
        """ "14:05" in the reader's locale and time zone."""
        return self._remember("time", instant)

    def relative(self, instant: dt.datetime) -> str:
        """ "3 minutes ago" in the active language."""
        return self._remember("relative", instant)

    def day(self, day: dt.date) -> str:
        """A calendar day, which has no time zone."""
        return babel_dates.format_date(day, "medium", locale=self.locale)

    def _remember(self, form: str, instant: dt.datetime) -> str:
        # Rows of one page share minutes and days: one formatting serves many.
        key = (form, instant.replace(second=0, microsecond=0))
        if key not in self._known:
            self._known[key] = self._format(form, instant)
        return self._known[key]

    def _format(self, form: str, instant: dt.datetime) -> str:
        if form == "relative":
            return babel_dates.format_timedelta(instant - self.now, add_direction=True, locale=self.words)
        local = instant.astimezone(self.zone)
        if form == "date":
            return babel_dates.format_date(local.date(), "medium", locale=self.locale)
        time = babel_dates.format_time(local.time(), "short", locale=self.locale)
        if form == "time":
            return time
        return f"{babel_dates.format_date(local.date(), 'medium', locale=self.locale)}, {time}"
