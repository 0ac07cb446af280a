"""Erasing what can no longer be sent, and removing what was finished long ago."""

import datetime as dt

from django.db.models import Case, F, Q, Value, When
from django.utils import timezone

from medimic.outbox.delivering import STALE
from medimic.outbox.models import Delivery

KEPT = dt.timedelta(days=30)
AT_ONCE = 1000

State = Delivery.State


def give_up() -> None:
    """What is stale, and not on its way just now: it was for a time that has passed."""
    now = timezone.now()
    stale = Delivery.objects.filter(
        Q(lease_id=None) | Q(due_at__lte=now), state__in=(State.WAITING, State.FAILED), stale_at__lte=now
    )
    while keys := list(stale.values_list("pk", flat=True)[:AT_ONCE]):
        stale.filter(pk__in=keys).update(
            state=State.GIVEN_UP,
            finished_at=now,
            recipient="",
            body="",
            lease_id=None,
            last_error=Case(When(last_error="", then=Value(STALE)), default=F("last_error")),
        )


def prune() -> None:
    """Remove what was finished long ago."""
    finished = Delivery.objects.filter(finished_at__lt=timezone.now() - KEPT)
    while keys := list(finished.values_list("pk", flat=True)[:AT_ONCE]):
        Delivery.objects.filter(pk__in=keys).delete()
