"""Sealing: rows get their places, a batch of them its tree, and the tree's root a signature.

One process at a time. Rows are found by having no position, in whatever order they were committed:
by a high-water mark those that commit late would be lost.
"""

import logging
import threading
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from django.db import close_old_connections, connection, transaction
from django.utils import timezone

from medimic.audit import heads, leaves, log, scopes, statements, tree
from medimic.audit.journal import Differs, Journal, opened
from medimic.audit.models import AuditEvent, Checkpoint

logger = logging.getLogger(__name__)

EVERY_SECONDS = 2.0
LONGEST_OUTAGE_SECONDS = 30.0
BATCH = 4096
# For PostgreSQL's advisory lock: any number that nothing else takes.
LOCK = 0x4D65644175646974


def keep_sealing(stop: threading.Event) -> None:
    """Until asked to stop. What goes wrong is logged, and tried again."""
    failures = 0
    while not stop.is_set():
        try:
            close_old_connections()
            seal()
            failures = 0
        except Exception as error:
            failures += 1
            message = "the audit log is not sealed: %s"
            reason = str(error) if isinstance(error, Differs) else type(error).__name__
            logger.log(logging.ERROR if failures in (1, 10) else logging.DEBUG, message, reason)
            connection.close()
        stop.wait(min(EVERY_SECONDS * 2 ** min(failures, 5), LONGEST_OUTAGE_SECONDS))
    connection.close()


def seal() -> int:
    """Seal all that waits; how many rows that was. 0 as well while another process is at it.

    Raises `Differs` where the journal is not what the database says.
    """
    sealed = 0
    with opened() as journal:
        while journal:
            count = _seal_batch(journal)
            sealed += count
            if count < BATCH:
                break
    return sealed


def _seal_batch(journal: Journal) -> int:
    if not AuditEvent.objects.filter(position=None).exists():
        # Without a transaction: SQLite's takes the lock that everybody waits for.
        journal.follow(_last())
        return 0
    with transaction.atomic():
        if not _is_alone():
            return 0
        last = _last()
        journal.follow(last)
        events = _waiting()
        if not events:
            return 0
        checkpoint = _sealed(events, last)
        checkpoint.save(force_insert=True)
    journal.append(checkpoint)
    return len(events)


def _last() -> Checkpoint | None:
    return Checkpoint.objects.order_by("-batch").first()


def _is_alone() -> bool:
    """SQLite's transactions of ours begin with the write lock; PostgreSQL's take one of their own."""
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        return bool(cursor.fetchone()[0])


def _waiting() -> list[AuditEvent]:
    """The next rows to seal. One that was not written by `record` stays as it is: it is nobody's word."""
    events: list[AuditEvent] = []
    forged: list[uuid.UUID] = []
    for event in _unsealed():
        if log.is_genuine(event):
            events.append(event)
        else:
            forged.append(event.pk)
        if len(events) == BATCH:
            break
    if forged:
        logger.error("%s rows of the audit log have no good code, first %s", len(forged), forged[0])
    return events


def _unsealed() -> Iterator[AuditEvent]:
    rows = AuditEvent.objects.filter(position=None).order_by("created_at", "id")
    found = list(rows[:BATCH])
    while found:
        yield from found
        last = found[-1]
        if len(found) < BATCH:
            return
        at_once = rows.filter(created_at=last.created_at, id__gt=last.pk)
        found = [*at_once, *rows.filter(created_at__gt=last.created_at)[:BATCH]]


def _sealed(events: Sequence[AuditEvent], last: Checkpoint | None) -> Checkpoint:
    """Number the rows, write that down, and make the checkpoint of them."""
    count, batch = (last.count, last.batch) if last else (0, 0)
    numbers = heads.load(scope for event in events for scope in _scopes(event))
    for place, event in enumerate(events, start=count + 1):
        event.position, event.batch = place, batch + 1
        person, organization = scopes.of_person(event), scopes.of_organization(event)
        event.person_position = numbers.next(person) if person else None
        event.organization_position = numbers.next(organization) if organization else None
    hashes = [leaves.leaf(event) for event in events]
    _write(events)
    numbers.save()
    key = statements.public_keys()[0]
    checkpoint = Checkpoint(
        batch=batch + 1,
        count=count + len(events),
        root=tree.root(hashes).hex(),
        previous=statements.digest(last) if last else statements.NOTHING,
        made_at=timezone.now(),
        key=key,
        succeeds=last.key if last and last.key != key else "",
        leaves=b"".join(hashes),
    )
    statements.sign(checkpoint)
    return checkpoint


def _scopes(event: AuditEvent) -> list[str]:
    return [scope for scope in (scopes.of_person(event), scopes.of_organization(event)) if scope]


COLUMNS = ("position", "batch", "person_position", "organization_position")


def _write(events: Sequence[AuditEvent]) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            arrays: list[list[Any]] = [[getattr(event, name) for event in events] for name in COLUMNS]
            cursor.execute(
                "UPDATE audit_event AS row SET position = new.position, batch = new.batch, "
                "person_position = new.person, organization_position = new.organization "
                "FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[]) "
                "AS new (id, position, batch, person, organization) WHERE row.id = new.id",
                [[event.pk for event in events], *arrays],
            )
        else:
            cursor.executemany(
                "UPDATE audit_event SET position = %s, batch = %s, person_position = %s, "
                "organization_position = %s WHERE id = %s",
                [[*(getattr(event, name) for name in COLUMNS), event.pk.hex] for event in events],
            )
