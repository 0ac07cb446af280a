"""The circuit breaker: what a service that is away would cost, it costs once in a while.

After `THRESHOLD` deliveries in a row that did not reach it, a service counts as away. What is for
it then stays where it is, without an attempt being counted; from `next_try_at` on one delivery at
a time tries it, and the first one that reaches it lets all others go. A table holds it, so that all
workers know what one found out.
"""

import datetime as dt
import logging
import secrets
from collections.abc import Mapping

from django.db import transaction
from django.utils import timezone

from medimic.outbox.models import Service

logger = logging.getLogger(__name__)

THRESHOLD = 5
FIRST_PAUSE = dt.timedelta(seconds=15)
LONGEST_PAUSE = dt.timedelta(minutes=5)
# However long a service asks us to stay away.
LONGEST_ASKED = dt.timedelta(hours=1)

State = Service.State
_random = secrets.SystemRandom()


def of_channel(channel: str) -> Mapping[str, Service]:
    """By name, the services of a channel that were missed at some time."""
    return {service.name: service for service in Service.objects.filter(channel=channel)}


def away() -> list[Service]:
    """The services that count as away, by name."""
    return list(Service.objects.exclude(state=State.CLOSED).order_by("name"))


def names_of_away() -> set[str]:
    return {service.name for service in away()}


def try_it(service: Service, lease: dt.timedelta) -> bool:
    """Become the one who tries a service that is away; False where it is too early, or somebody
    else does. Whoever does not come back is waited for as long as `lease`."""
    now = timezone.now()
    if service.next_try_at is None or service.next_try_at > now:
        return False
    ours = Service.objects.filter(name=service.name, next_try_at=service.next_try_at)
    return bool(ours.update(state=State.HALF_OPEN, next_try_at=now + lease))


def reached(name: str) -> None:
    """It answered, whatever it said."""
    was_away = Service.objects.filter(name=name).exclude(state=State.CLOSED)
    if was_away.update(state=State.CLOSED, failures=0, opened_at=None, next_try_at=None):
        logger.warning("%s is back", name)
    else:
        Service.objects.filter(name=name, failures__gt=0).update(failures=0)


def missed(name: str, *, channel: str, error: str, after: dt.timedelta | None = None) -> bool:
    """It did not answer, or said that it cannot; `after` where it named a time to come back.
    True where it counts as away now."""
    now = timezone.now()
    Service.objects.bulk_create([Service(name=name, channel=channel)], ignore_conflicts=True)
    with transaction.atomic():
        service = Service.objects.select_for_update().get(name=name)
        service.last_failed_at, service.last_error = now, error[:200]
        if service.state != State.OPEN:
            # One that began before it was found to be away says nothing new.
            service.failures += 1
            if service.failures >= THRESHOLD:
                _open(service, now, after)
        service.save()
        return service.state != State.CLOSED


def undecided(name: str) -> None:
    """Whoever tried it did not get to ask it: somebody else may."""
    Service.objects.filter(name=name, state=State.HALF_OPEN).update(
        state=State.OPEN, next_try_at=timezone.now()
    )


def _open(service: Service, now: dt.datetime, after: dt.timedelta | None) -> None:
    tries = min(service.failures - THRESHOLD, 20)
    pause = min(FIRST_PAUSE * 2**tries, LONGEST_PAUSE) * _random.uniform(0.75, 1.25)
    service.next_try_at = now + max(pause, min(after or pause, LONGEST_ASKED))
    if service.state == State.CLOSED:
        logger.warning("%s is away: %s", service.name, service.last_error)
        service.opened_at = now
    service.state = State.OPEN
