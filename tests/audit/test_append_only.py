"""The database itself refuses to change the log, whoever asks."""

import uuid

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from medimic.audit.log import SYSTEM, is_genuine, record
from medimic.audit.models import AuditEvent
from medimic.audit.triggers import CONTENT, SEALED

pytestmark = [pytest.mark.django_db, pytest.mark.both]

on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL alone")
on_sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite alone")

OTHER_VALUES = {
    "created_at": "2020-01-01 00:00:00+00:00",
    **{name: uuid.uuid4().hex for name in ("id", "actor_id", "person_id", "organization_id")},
}


@pytest.fixture
def event(db) -> AuditEvent:
    return record("tests.written", origin=SYSTEM, person_id=uuid.uuid4(), details={"n": 1})


def refused(sql: str, *parameters) -> None:
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        run(sql, *parameters)


def run(sql: str, *parameters) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)


def key(event: AuditEvent) -> str:
    return event.pk.hex


@pytest.mark.parametrize("column", CONTENT)
def test_no_column_of_the_content_is_updated(event, column):
    refused(
        f"UPDATE audit_event SET {column} = %s WHERE id = %s", OTHER_VALUES.get(column, "other"), key(event)
    )


def test_the_guarded_columns_are_all_there_are():
    assert {field.column for field in AuditEvent._meta.fields} == {*CONTENT, *SEALED}


def test_no_row_is_deleted(event):
    refused("DELETE FROM audit_event WHERE id = %s", key(event))
    refused("DELETE FROM audit_event")


def test_querysets_are_refused_as_well(event):
    rows = AuditEvent.objects.filter(pk=event.pk)
    for change in (
        lambda: rows.update(kind="other"),
        rows.delete,
        lambda: AuditEvent.objects.bulk_create([event]),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            change()
    for change in (event.save, event.delete):
        with pytest.raises(TypeError):
            change()


@pytest.mark.parametrize("column", SEALED)
def test_the_sealer_sets_each_column_once(event, column):
    update = f"UPDATE audit_event SET {column} = %s WHERE id = %s"
    run(update, 7, key(event))
    run(update, 7, key(event))
    refused(update, 8, key(event))
    refused(update, None, key(event))
    assert getattr(AuditEvent.objects.get(pk=event.pk), column) == 7
    assert is_genuine(AuditEvent.objects.get(pk=event.pk))


def test_sealing_does_not_carry_another_change_with_it(event):
    refused("UPDATE audit_event SET position = 1, kind = 'other' WHERE id = %s", key(event))


@pytest.mark.parametrize("column", SEALED)
def test_no_row_is_inserted_sealed(event, column):
    others = ", ".join(CONTENT[1:])
    refused(
        f"INSERT INTO audit_event (id, {others}, {column}) "
        f"SELECT %s, {others}, 5 FROM audit_event WHERE id = %s",
        uuid.uuid4().hex,
        key(event),
    )


@on_sqlite
@pytest.mark.parametrize("verb", ["INSERT OR REPLACE", "REPLACE", "INSERT OR IGNORE", "INSERT"])
def test_no_row_takes_the_place_of_another(event, verb):
    others = ", ".join(CONTENT[1:])
    refused(
        f"{verb} INTO audit_event (id, {others}) SELECT id, {others} FROM audit_event WHERE id = %s",
        key(event),
    )
    refused(
        f"{verb} INTO audit_event (rowid, id, {others}) "
        f"SELECT rowid, %s, {others} FROM audit_event WHERE id = %s",
        uuid.uuid4().hex,
        key(event),
    )


@on_sqlite
def test_no_row_blocks_those_to_come(event):
    others = ", ".join(CONTENT[1:])
    refused(
        f"INSERT INTO audit_event (rowid, id, {others}) "
        f"SELECT -1, %s, {others} FROM audit_event WHERE id = %s",
        uuid.uuid4().hex,
        key(event),
    )


@on_sqlite
def test_no_update_pushes_another_row_out(event):
    other = record("tests.written", origin=SYSTEM)
    run("UPDATE audit_event SET position = 99 WHERE id = %s", key(other))
    refused("UPDATE OR REPLACE audit_event SET position = 99 WHERE id = %s", key(event))
    refused(
        "UPDATE OR REPLACE audit_event SET rowid = "
        "(SELECT rowid FROM audit_event WHERE id = %s) WHERE id = %s",
        key(other),
        key(event),
    )
    assert AuditEvent.objects.filter(pk__in=[event.pk, other.pk]).count() == 2


@on_postgresql
def test_no_insert_turns_into_an_update(event):
    columns = ", ".join(CONTENT)
    refused(
        f"INSERT INTO audit_event ({columns}) SELECT {columns} FROM audit_event WHERE id = %s "
        "ON CONFLICT (id) DO UPDATE SET kind = 'other'",
        key(event),
    )


@on_postgresql
def test_the_table_is_not_truncated(event):
    refused("TRUNCATE audit_event")


@on_postgresql
@pytest.mark.parametrize(
    "sql", ["UPDATE audit_event SET kind = 'other'", "DELETE FROM audit_event", "TRUNCATE audit_event"]
)
def test_a_replica_role_does_not_help(event, sql):
    run("SET LOCAL session_replication_role = replica")
    refused(sql)


@pytest.mark.parametrize(
    "field",
    [("person_id",), ("organization_id",), ("actor_id",), ("kind",), ()],
    ids=lambda names: str(names),
)
def test_lists_are_read_along_an_index(event, field):
    rows = AuditEvent.objects.filter(**{name: uuid.uuid4() if name != "kind" else "x" for name in field})
    if connection.vendor == "postgresql":
        run("SET LOCAL enable_seqscan = off")
    with CaptureQueriesContext(connection):
        plan = rows.order_by("-created_at", "-id")[:50].explain()
    assert "audit_" in plan
    assert "Sort" not in plan
    assert "TEMP B-TREE" not in plan
