"""Sessions that are about to expire: announced once, while somebody can still wind up.

That they do expire needs no job: a session's status follows from its instants.
"""

import datetime as dt

from django.db.models import QuerySet
from django.utils import timezone

from medimic.audit.log import SYSTEM, record
from sessions_app import alerts
from sessions_app.models import Visit
from sessions_app.one_by_one import one_by_one

AHEAD = dt.timedelta(minutes=10)
EVERY = dt.timedelta(seconds=30)


def announce() -> None:
    """Note it of each session that expires within `AHEAD`; pages that wait for its changes show it.

    Of two workers one announces.
    """
    one_by_one(_due, _announce)


def _due() -> QuerySet[Visit]:
    now = timezone.now()
    return Visit.objects.active(now).filter(expiry_announced_at=None, expires_at__lte=now + AHEAD)


def _announce(visit: Visit) -> None:
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
