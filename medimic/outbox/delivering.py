"""Getting waiting messages out: taking one up, sending it, and noting how that went.

Workers stand side by side. A delivery is taken up by one of them, for the time of a
lease; it is sent outside of any transaction, and what came of it is noted only by
whoever still holds the lease. A worker that dies in between leaves a delivery that is
sent a second time, never one that is not sent.
"""

import datetime as dt
import json
import logging
import secrets
import uuid
from dataclasses import dataclass

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from medimic.outbox import registry
from medimic.outbox.models import Delivery

logger = logging.getLogger(__name__)

# Longer than any channel's own time limits take together.
LEASE = dt.timedelta(minutes=5)
FIRST_PAUSE = dt.timedelta(seconds=15)
LONGEST_PAUSE = dt.timedelta(minutes=30)
# A last attempt is made this long before a message goes stale.
LAST_CALL = dt.timedelta(seconds=15)
MOST_ATTEMPTS = 100
KEPT = dt.timedelta(days=30)
PRUNED_AT_ONCE = 1000

State = Delivery.State
_random = secrets.SystemRandom()


@dataclass(frozen=True)
class Taken:
    """A delivery that is ours until its lease ends."""

    id: uuid.UUID
    lease_id: uuid.UUID
    attempt: int


@dataclass(frozen=True)
class Outcome:
    """What came of an attempt; `due_at` where there will be another one."""

    state: Delivery.State
    error: str = ""
    due_at: dt.datetime | None = None


def take() -> Taken | None:
    """Take up the delivery that has been due for longest, if there is one."""
    due = Delivery.objects.filter(state=State.WAITING, due_at__lte=timezone.now()).order_by("due_at", "id")
    # Looked for before the transaction: on SQLite that one waits for every other writer.
    if not due.exists():
        return None
    lease_id = uuid.uuid4()
    with transaction.atomic():
        # What another worker holds a lock on is passed over, not waited for. SQLite knows no
        # such locks: its transaction took the one there is at its beginning. Recipient and body
        # stay closed: one that cannot be opened must not stop those behind it.
        delivery = due.select_for_update(skip_locked=True).only("pk", "attempts").first()
        if delivery is None:
            return None
        Delivery.objects.filter(pk=delivery.pk).update(
            lease_id=lease_id, due_at=timezone.now() + LEASE, attempts=F("attempts") + 1
        )
    return Taken(delivery.pk, lease_id, delivery.attempts + 1)


def attempt(taken: Taken) -> Outcome:
    """Send it, if it is still fresh and wanted. Of failures, raises the database's own alone."""
    delivery = Delivery.objects.defer("recipient", "body").get(pk=taken.id)
    if timezone.now() >= delivery.stale_at:
        return Outcome(State.GIVEN_UP, delivery.last_error or "stale before it could be sent")
    if taken.attempt > MOST_ATTEMPTS:
        return Outcome(State.GIVEN_UP, delivery.last_error or "too many attempts")
    try:
        if not registry.is_wanted(delivery.kind, delivery.subject_id):
            return Outcome(State.DROPPED)
        registry.channel(delivery.channel).send(_message(delivery))
    except registry.Unwanted:
        return Outcome(State.DROPPED)
    except registry.Refused as refusal:
        return Outcome(State.GIVEN_UP, str(refusal))
    except registry.Retry as retry:
        return _again(taken, delivery.stale_at, str(retry), retry.after)
    except Exception as error:
        # Its text may quote the recipient or the body: the type alone is told.
        return _again(taken, delivery.stale_at, f"failed: {type(error).__name__}")
    return Outcome(State.SENT)


def finish(taken: Taken, outcome: Outcome) -> bool:
    """Note what came of it, and erase what is no longer needed; False where the lease had
    run out and somebody else has it."""
    ours = Delivery.objects.filter(pk=taken.id, lease_id=taken.lease_id, state=State.WAITING)
    error = outcome.error[:200]
    if outcome.due_at is not None:
        noted = ours.update(due_at=outcome.due_at, lease_id=None, last_error=error)
    else:
        noted = ours.update(
            state=outcome.state,
            finished_at=timezone.now(),
            recipient="",
            body="",
            lease_id=None,
            last_error=error,
        )
    level = logging.WARNING if outcome.error else logging.INFO
    logger.log(level, "delivery %s, attempt %d: %s %s", taken.id, taken.attempt, outcome.state, error)
    return bool(noted)


def prune() -> None:
    """Remove what was finished long ago."""
    finished = Delivery.objects.filter(finished_at__lt=timezone.now() - KEPT)
    while keys := list(finished.values_list("pk", flat=True)[:PRUNED_AT_ONCE]):
        Delivery.objects.filter(pk__in=keys).delete()


def oldest_due() -> dt.timedelta:
    """How long the delivery that is due for longest has been so; nothing where none is."""
    now = timezone.now()
    first = (
        Delivery.objects.filter(state=State.WAITING, due_at__lte=now)
        .order_by("due_at", "id")
        .values_list("due_at", flat=True)
        .first()
    )
    return now - first if first else dt.timedelta(0)


def _message(delivery: Delivery) -> registry.Message:
    delivery.refresh_from_db(fields=["recipient", "body"])
    return registry.Message(
        id=delivery.pk,
        kind=delivery.kind,
        recipient=delivery.recipient,
        body=json.loads(delivery.body),
        created_at=delivery.created_at,
        person_id=delivery.person_id,
        subject_id=delivery.subject_id,
    )


def _again(taken: Taken, stale_at: dt.datetime, error: str, after: dt.timedelta | None = None) -> Outcome:
    """Another attempt: later each time, with a last one shortly before the message goes stale."""
    now = timezone.now()
    last_call = stale_at - LAST_CALL
    # Workers that failed together do not come back together.
    pause = min(FIRST_PAUSE * 2 ** min(taken.attempt - 1, 20), LONGEST_PAUSE) * _random.uniform(0.75, 1.25)
    due_at = max(min(now + pause, last_call), now + (after or dt.timedelta(0)))
    if taken.attempt >= MOST_ATTEMPTS or now >= last_call or due_at >= stale_at:
        return Outcome(State.GIVEN_UP, error)
    return Outcome(State.WAITING, error, due_at)
