"""Summaries of sessions that nobody ended: mailed once, soon after they have expired by themselves.

One that somebody ended is told of as that happens (`sessions_app.visits`).
"""

import datetime as dt

from django.db.models import QuerySet
from django.utils import timezone

from sessions_app import notices
from sessions_app.models import Visit
from sessions_app.one_by_one import one_by_one

EVERY = dt.timedelta(minutes=1)
# Of what expired longer ago, while no worker ran, nobody needs to read any more.
BACK = dt.timedelta(days=2)


def send() -> None:
    """Of two workers one sends."""
    one_by_one(_due, _send)


def _due() -> QuerySet[Visit]:
    now = timezone.now()
    return Visit.objects.expired(now).filter(summarized_at=None, expires_at__gt=now - BACK)


def _send(visit: Visit) -> None:
    if visit.summarize(timezone.now()):
        notices.over(visit)
