"""Sessions that are about to expire: announced once, while somebody can still wind up.

That they do expire needs no job: a session's status follows from its instants.
"""

import datetime as dt

from django.db import transaction
from django.utils import timezone

from medimic.audit.log import SYSTEM, record
from sessions_app import alerts
from sessions_app.models import Visit

AHEAD = dt.timedelta(minutes=10)
EVERY = dt.timedelta(seconds=30)
BATCH = 500


def announce() -> None:
    """Note it of each session that expires within `AHEAD`; pages that wait for its changes show it.

    Each by itself: a worker that dies leaves the others to the next one, and of two workers one announces.
    """
    while due := _due():
        for visit in due:
            _announce(visit)


def _due() -> list[Visit]:
    now = timezone.now()
    rows = Visit.objects.active(now).filter(expiry_announced_at=None, expires_at__lte=now + AHEAD)
    return list(rows.select_related("host").order_by("expires_at", "id")[:BATCH])


def _announce(visit: Visit) -> None:
    with transaction.atomic():
        if not visit.announce_expiry(timezone.now()):
            return
        record(
            "sessions.expiring",
            origin=SYSTEM,
            person_id=visit.host_id,
            organization_id=visit.organization_id,
            subject=visit,
        )
        alerts.expiring(visit)
