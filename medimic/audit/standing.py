"""How far sealing lags behind."""

import datetime as dt
from dataclasses import dataclass

from django.utils import timezone

from medimic.audit.models import AuditEvent, Checkpoint

# A sealer that runs takes seconds.
LATE_SECONDS = 60


@dataclass(frozen=True)
class Standing:
    """`waits`: how long the oldest row has not been sealed for; `sealed_at`: when the last seal was made."""

    waits: dt.timedelta
    sealed_at: dt.datetime | None
    count: int

    @property
    def is_late(self) -> bool:
        return self.waits.total_seconds() > LATE_SECONDS


def standing() -> Standing:
    """Two queries, each of one row along an index."""
    oldest = AuditEvent.objects.filter(position=None).order_by("created_at", "id")
    waiting_since = oldest.values_list("created_at", flat=True).first()
    last = Checkpoint.objects.order_by("-batch").values_list("made_at", "count").first()
    return Standing(
        waits=timezone.now() - waiting_since if waiting_since else dt.timedelta(),
        sealed_at=last[0] if last else None,
        count=last[1] if last else 0,
    )
