"""What other floors' pages show of sessions."""

import datetime as dt

from django.db.models import Count
from django.db.models.functions import TruncDate

from accounts.models import Person
from medimic.formatting import Dates
from sessions_app import history
from sessions_app.models import Visit
from sessions_app.presenters import SessionRow, session_rows


def recent(person: Person, limit: int = 8) -> list[SessionRow]:
    """The person's latest sessions, ready to print; at most three queries."""
    dates = Dates.of(person)
    found = history.recent(person, limit, dates.now)
    return session_rows(found, viewer=person, dates=dates, with_device=False)


def per_day(person: Person, first: dt.date, last: dt.date, tz: dt.tzinfo) -> list[tuple[dt.date, int]]:
    """How many sessions the person started on each day from `first` to `last`, in that time zone."""
    start = dt.datetime.combine(first, dt.time.min, tz)
    behind = dt.datetime.combine(last + dt.timedelta(days=1), dt.time.min, tz)
    counts = dict(
        Visit.objects.filter(host=person, started_at__gte=start, started_at__lt=behind)
        .annotate(day=TruncDate("started_at", tzinfo=tz))
        .values("day")
        .annotate(count=Count("pk"))
        .values_list("day", "count")
    )
    days = (first + dt.timedelta(days=number) for number in range((last - first).days + 1))
    return [(day, counts.get(day, 0)) for day in days]
