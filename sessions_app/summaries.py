"""Summaries of sessions that nobody ended: mailed once, soon after they have expired by themselves.

One that somebody ended is told of as that happens (`sessions_app.visits`).
"""

import datetime as dt

from django.db import transaction
from django.utils import timezone

from sessions_app import notices
from sessions_app.models import Visit

EVERY = dt.timedelta(minutes=1)
# Of what expired longer ago, while no worker ran, nobody needs to read any more.
BACK = dt.timedelta(days=2)
BATCH = 500


def send() -> None:
    """Each by itself: a worker that dies leaves the others to the next one, and of two one sends."""
    while due := _due():
        for visit in due:
            _send(visit)


def _due() -> list[Visit]:
    now = timezone.now()
    rows = Visit.objects.expired(now).filter(summarized_at=None, expires_at__gt=now - BACK)
    return list(rows.select_related("host").order_by("expires_at", "id")[:BATCH])


def _send(visit: Visit) -> None:
    with transaction.atomic():
        if visit.summarize(timezone.now()):
            notices.over(visit)
