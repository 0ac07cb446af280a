"""Taking deliveries up: a few of one service at a time, under one lease.

Workers stand side by side. What one has taken up is its own until the lease ends; should it die,
the deliveries fall due again then.
"""

import datetime as dt
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from medimic.outbox import backlog, breaker, registry
from medimic.outbox.models import Delivery, Service

# Longer than a batch may go on, and then the longest that any channel's time limits take together.
LEASE = dt.timedelta(minutes=5)
BATCH = 20

State = Delivery.State


@dataclass(frozen=True)
class Taken:
    """A delivery that is ours until its lease ends. Recipient and body may still be closed."""

    delivery: Delivery
    lease_id: uuid.UUID
    attempt: int

    @property
    def id(self) -> uuid.UUID:
        return self.delivery.pk


@dataclass
class Batch:
    """Deliveries to one service. `is_trial` where they find out whether it is back;
    `has_failures` where it was missed the last time that anybody looked."""

    channel: str
    service: str
    taken: list[Taken] = field(default_factory=list)
    is_trial: bool = False
    has_failures: bool = False


def take() -> Taken | None:
    """Take up one delivery of any channel, if one is due."""
    for channel in registry.channel_names():
        if batch := take_batch(channel, most=1):
            return batch.taken[0]
    return None


def take_batch(channel: str, *, most: int = BATCH, busy: Collection[str] = ()) -> Batch | None:
    """Take up what has been due for longest of one service of the channel, if anything is.

    A service that is `busy` is passed over; one that is away as well, but for one delivery when it
    is time to try it.
    """
    services = backlog.services_waited_for(channel)
    if not services:
        return None
    known = breaker.of_channel(channel)
    for service in _in_turn(services, busy):
        standing = known.get(service)
        if standing is None or standing.state == Service.State.CLOSED:
            taken = _take(channel, service, most)
            batch = Batch(channel, service, taken, has_failures=bool(standing and standing.failures))
        else:
            batch = _trial(channel, service, standing)
        if batch.taken:
            return batch
    return None


def give_back(rest: Sequence[Taken]) -> None:
    """What was taken up and not tried: as if it had not been."""
    if rest:
        keys = [taken.id for taken in rest]
        Delivery.objects.filter(pk__in=keys, lease_id=rest[0].lease_id, state=State.WAITING).update(
            lease_id=None, due_at=min(taken.delivery.due_at for taken in rest), attempts=F("attempts") - 1
        )


def _in_turn(services: Sequence[str], busy: Collection[str]) -> list[str]:
    """Not always the same one first: each gets its share of the senders."""
    free = [service for service in services if service not in busy]
    start = uuid.uuid4().int % len(free) if free else 0
    return free[start:] + free[:start]


def _trial(channel: str, service: str, standing: Service) -> Batch:
    batch = Batch(channel, service, is_trial=True, has_failures=True)
    if backlog.due(channel, service).exists() and breaker.try_it(standing, LEASE):
        batch.taken = _take(channel, service, 1)
        if not batch.taken:
            breaker.undecided(service)
    return batch


def _take(channel: str, service: str, most: int) -> list[Taken]:
    due = backlog.due(channel, service)
    # Looked for before the transaction: on SQLite that one waits for every other writer.
    if not due.exists():
        return []
    lease_id = uuid.uuid4()
    with transaction.atomic():
        # What another worker holds a lock on is passed over, not waited for. SQLite knows no
        # such locks: its transaction took the one there is at its beginning. Recipient and body
        # stay closed: one that cannot be opened must not stop those behind it.
        closed = due.select_for_update(skip_locked=True).defer("recipient", "body")
        deliveries = _unsuspicious(list(closed[:most]))
        keys = [delivery.pk for delivery in deliveries]
        Delivery.objects.filter(pk__in=keys).update(
            lease_id=lease_id, due_at=timezone.now() + LEASE, attempts=F("attempts") + 1
        )
    _open(deliveries)
    return [Taken(delivery, lease_id, delivery.attempts + 1) for delivery in deliveries]


def _unsuspicious(deliveries: list[Delivery]) -> list[Delivery]:
    """One whose last worker never came back goes alone: it may have killed that worker, and would
    use up the attempts of those beside it."""
    if deliveries and deliveries[0].lease_id:
        return deliveries[:1]
    return [delivery for delivery in deliveries if not delivery.lease_id]


def _open(deliveries: Sequence[Delivery]) -> None:
    """Recipients and bodies of all at once. Where one of them cannot be opened, each is left to
    whoever sends it."""
    keys = [delivery.pk for delivery in deliveries]
    try:
        opened = Delivery.objects.only("recipient", "body").in_bulk(keys)
    except ValueError:
        return
    for delivery in deliveries:
        if found := opened.get(delivery.pk):
            delivery.recipient, delivery.body = found.recipient, found.body
