"""The database, changed behind the triggers' back: what its owner can do and the application cannot."""

import uuid
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection, transaction

from medimic.audit import sealer
from medimic.audit.log import Origin, record
from medimic.audit.models import ActorKind, AuditEvent
from medimic.audit.verifying import Findings, problems

TABLES = ("audit_event", "audit_checkpoint", "audit_prune", "audit_head")


def run(sql: str, *parameters) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else []


@contextmanager
def behind_the_triggers():
    """Without them, and with them as they were afterwards."""
    if connection.vendor == "postgresql":
        for table in TABLES:
            run(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield
        names = run(
            "SELECT tgname, tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal "
            "AND tgrelid::regclass::text = ANY(%s)",
            list(TABLES),
        )
        for name, table in names:
            run(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")
        return
    places = ", ".join(["%s"] * len(TABLES))
    made = run(
        f"SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name IN ({places})", *TABLES
    )
    for name, _sql in made:
        run(f"DROP TRIGGER {name}")
    yield
    for _name, sql in made:
        with connection.cursor() as cursor:
            cursor.execute(sql, None)


def tamper(sql: str, *parameters) -> None:
    with behind_the_triggers():
        run(sql, *parameters)


def empty() -> None:
    """Other tests leave rows behind, since nobody may delete them."""
    with behind_the_triggers():
        for table in TABLES:
            run(f"DELETE FROM {table}")


def key(pk: uuid.UUID) -> str:
    return pk.hex if connection.vendor == "sqlite" else str(pk)


def note(kind: str = "tests.done", *, by=None, person=None, organization=None, **details) -> AuditEvent:
    with transaction.atomic():
        return record(
            kind,
            origin=Origin(ActorKind.PERSON, by or uuid.uuid4(), "192.0.2.7", "Firefox"),
            person_id=person,
            organization_id=organization,
            details=details,
        )


def wrong(copy: Path | None = None) -> list[str]:
    """All that verification finds."""
    return list(problems(Findings(), copy=copy))


@pytest.fixture
def fresh_log(db, settings, tmp_path):
    """An empty log with a journal of its own; the test's transaction brings the old one back."""
    settings.AUDIT_JOURNAL = tmp_path / "journal"
    empty()
    return tmp_path / "journal"


def sealed_batches(*sizes: int, person=None, organization=None) -> list[list[AuditEvent]]:
    """Batches of so many rows, sealed one after the other."""
    batches = []
    for size in sizes:
        events = [note(person=person, organization=organization, n=number) for number in range(size)]
        assert sealer.seal() == size
        batches.append([AuditEvent.objects.get(pk=event.pk) for event in events])
    return batches
