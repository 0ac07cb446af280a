"""One attempt at a delivery, and noting what came of it.

It is sent outside of any transaction, and what came of it is noted only by whoever still
holds the lease. A worker that dies in between leaves a delivery that is sent a second time,
never one that is not sent.
"""

import datetime as dt
import json
import logging
import secrets
from dataclasses import dataclass

from django.db.models import Q
from django.utils import timezone

from medimic.outbox import registry
from medimic.outbox.models import Delivery
from medimic.outbox.taking import Taken

logger = logging.getLogger(__name__)

FIRST_PAUSE = dt.timedelta(seconds=15)
LONGEST_PAUSE = dt.timedelta(minutes=30)
# A last attempt is made this long before a message goes stale.
LAST_CALL = dt.timedelta(seconds=15)
MOST_ATTEMPTS = 100
STALE = "stale before it could be sent"

State = Delivery.State
_random = secrets.SystemRandom()


@dataclass(frozen=True)
class Outcome:
    """What came of an attempt; `due_at` where there will be another one.

    `is_reached` says whether the service answered at all, where that was found out; `after` when
    one that did not wants to be asked again.
    """

    state: Delivery.State
    error: str = ""
    due_at: dt.datetime | None = None
    is_reached: bool | None = None
    after: dt.timedelta | None = None


def attempt(taken: Taken) -> Outcome:
    """Send it, if it is still fresh and wanted. Whatever fails, the database too, is an outcome."""
    delivery = taken.delivery
    if timezone.now() >= delivery.stale_at:
        return Outcome(State.GIVEN_UP, delivery.last_error or STALE)
    if taken.attempt > MOST_ATTEMPTS:
        return Outcome(State.FAILED, delivery.last_error or "too many attempts")
    try:
        if not registry.is_wanted(delivery.kind, delivery.subject_id):
            return Outcome(State.DROPPED)
        registry.channel(delivery.channel).send(_message(delivery))
    except registry.Unwanted as unwanted:
        return Outcome(State.DROPPED, str(unwanted), is_reached=unwanted.is_reached or None)
    except registry.Refused as refusal:
        return Outcome(State.FAILED, str(refusal), is_reached=True)
    except registry.Unreachable as miss:
        return _again(taken, str(miss), after=miss.after, is_reached=False)
    except registry.Retry as retry:
        return _again(taken, str(retry), after=retry.after, is_reached=True)
    except Exception as error:
        # Its text may quote the recipient or the body: the type alone is told.
        return _again(taken, f"failed: {type(error).__name__}")
    return Outcome(State.SENT, is_reached=True)


def finish(taken: Taken, outcome: Outcome) -> bool:
    """Note what came of it, and erase what is no longer needed; False where the lease had
    run out and somebody else has it."""
    ours = Delivery.objects.filter(pk=taken.id, lease_id=taken.lease_id, state=State.WAITING)
    error = outcome.error[:200]
    if outcome.due_at is not None:
        noted = ours.update(due_at=outcome.due_at, lease_id=None, last_error=error)
    else:
        # What failed is kept until it is stale: staff may have it sent again.
        erased = {} if outcome.state == State.FAILED else {"recipient": "", "body": ""}
        noted = ours.update(
            state=outcome.state, finished_at=timezone.now(), lease_id=None, last_error=error, **erased
        )
    is_lost = outcome.state not in (State.SENT, State.DROPPED)
    level = logging.WARNING if is_lost else logging.INFO
    logger.log(level, "delivery %s, attempt %d: %s %s", taken.id, taken.attempt, outcome.state, error)
    return bool(noted)


def send_again(delivery: Delivery) -> bool:
    """Have what waits or failed sent as soon as its service takes it; False where it is on its way
    just now, finished for good, or stale."""
    now = timezone.now()
    kept = Delivery.objects.filter(pk=delivery.pk, stale_at__gt=now)
    failed = kept.filter(state=State.FAILED)
    if failed.update(state=State.WAITING, finished_at=None, due_at=now, attempts=0):
        return True
    idle = kept.filter(Q(lease_id=None) | Q(due_at__lte=now), state=State.WAITING)
    return bool(idle.update(due_at=now))


def can_be_sent_again(delivery: Delivery) -> bool:
    return delivery.state in (State.WAITING, State.FAILED) and delivery.stale_at > timezone.now()


def _message(delivery: Delivery) -> registry.Message:
    return registry.Message(
        id=delivery.pk,
        kind=delivery.kind,
        recipient=delivery.recipient,
        body=json.loads(delivery.body),
        created_at=delivery.created_at,
        person_id=delivery.person_id,
        subject_id=delivery.subject_id,
    )


def _again(
    taken: Taken, error: str, *, after: dt.timedelta | None = None, is_reached: bool | None = None
) -> Outcome:
    """Another attempt: later each time, with a last one shortly before the message goes stale."""
    now, stale_at = timezone.now(), taken.delivery.stale_at
    last_call = stale_at - LAST_CALL
    # Workers that failed together do not come back together.
    pause = min(FIRST_PAUSE * 2 ** min(taken.attempt - 1, 20), LONGEST_PAUSE) * _random.uniform(0.75, 1.25)
    due_at = max(min(now + pause, last_call), now + (after or dt.timedelta(0)))
    if now >= last_call or due_at >= stale_at:
        return Outcome(State.GIVEN_UP, error, is_reached=is_reached, after=after)
    if taken.attempt >= MOST_ATTEMPTS:
        return Outcome(State.FAILED, error, is_reached=is_reached, after=after)
    return Outcome(State.WAITING, error, due_at, is_reached, after)
