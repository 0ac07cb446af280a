"""What waits, and what there is at all, asked along indexes however many deliveries there are."""

import datetime as dt

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from medimic.outbox import breaker
from medimic.outbox.models import Delivery

WAITING = Delivery.State.WAITING


def channels_waited_for() -> list[str]:
    """The channels of which some delivery waits, due or not."""
    return _steps("channel", "state = %s", [WAITING])


def services_waited_for(channel: str) -> list[str]:
    """The services that some delivery of the channel waits for, due or not."""
    return _steps("service", "state = %s AND channel = %s", [WAITING, channel])


def values_of(column: str) -> list[str]:
    """What a column of the deliveries holds; one that an index begins with."""
    return _steps(column, "1 = 1", [])


def oldest_due() -> dt.timedelta:
    """How long the delivery that is due for longest has been so; nothing where none is.

    One whose service is away is not due: it waits for that to come back.
    """
    now, away = timezone.now(), breaker.names_of_away()
    longest = dt.timedelta(0)
    for channel in channels_waited_for():
        for service in services_waited_for(channel):
            if service in away:
                continue
            first = due(channel, service).values_list("due_at", flat=True).first()
            longest = max(longest, now - first) if first else longest
    return longest


def due(channel: str, service: str) -> QuerySet[Delivery]:
    """What can be sent to that service now, what is due for longest first."""
    return Delivery.objects.filter(
        state=WAITING, channel=channel, service=service, due_at__lte=timezone.now()
    ).order_by("due_at", "id")


def _steps(column: str, where: str, values: list[str]) -> list[str]:
    """From each value to the next larger one. DISTINCT would read every row there is."""
    table, name = connection.ops.quote_name(Delivery._meta.db_table), connection.ops.quote_name(column)
    smallest = f"SELECT MIN({name}) FROM {table} WHERE {where}"  # noqa: S608 nothing of a person's
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH RECURSIVE steps(value) AS ({smallest} UNION ALL "  # noqa: S608
            f"SELECT ({smallest} AND {name} > steps.value) FROM steps WHERE steps.value IS NOT NULL) "
            "SELECT value FROM steps WHERE value IS NOT NULL",
            [*values, *values],
        )
        return [value for (value,) in cursor.fetchall()]
