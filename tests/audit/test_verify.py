"""Whatever is done to the log behind the triggers, verification names the first of it."""

import datetime as dt
import json
import uuid
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from medimic.audit import log, sealer, statements
from medimic.audit.journal import Differs
from medimic.audit.models import AuditEvent, Checkpoint, Head
from medimic.audit.triggers import CONTENT, SEALED
from tests.audit import tampering
from tests.audit.tampering import fresh_log, key, note, sealed_batches, tamper, wrong  # noqa: F401

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_log"), pytest.mark.both]

PERSON, CLINIC = uuid.uuid4(), uuid.uuid4()
COLUMNS = (*CONTENT, *SEALED)
OTHERS = {
    "created_at": "2020-01-01 00:00:00+00:00",
    **{name: uuid.uuid4().hex for name in ("id", "actor_id", "person_id", "organization_id")},
    **dict.fromkeys(SEALED, 77),
}
CHECKPOINT = ("batch", "count", "root", "previous", "made_at", "key", "succeeds", "signature", "consent")


@pytest.fixture
def sealed() -> list[list[AuditEvent]]:
    return sealed_batches(3, 5, 4, person=PERSON, organization=CLINIC)


def flipped(value: object) -> object:
    """The value with one bit of it changed."""
    if isinstance(value, uuid.UUID):
        return uuid.UUID(int=value.int ^ 1).hex
    if isinstance(value, int):
        return value ^ 1
    if isinstance(value, dt.datetime):
        return value + dt.timedelta(microseconds=1)
    text = str(value)
    return text[:-1] + chr(ord(text[-1]) ^ 1) if text else "a"


def test_all_of_it_verifies(sealed):
    waiting = note()
    assert wrong() == []
    out = StringIO()
    call_command("audit", "verify", stdout=out)
    assert "12 sealed rows verify, up to checkpoint 3" in out.getvalue()
    assert "1 rows are not sealed yet" in out.getvalue()
    assert AuditEvent.objects.get(pk=waiting.pk).position is None


def test_an_empty_log_verifies():
    assert wrong() == []
    call_command("audit", "verify", stdout=StringIO())


@pytest.mark.parametrize("column", COLUMNS)
def test_a_changed_column(sealed, column):
    event = sealed[1][2]
    tamper(f"UPDATE audit_event SET {column} = %s WHERE id = %s", OTHERS.get(column, "other"), key(event.pk))
    first = wrong()[0]
    # A row that lost its place leaves a gap there.
    assert "position 6" in first
    if column in CONTENT and column != "id":
        assert f"row {event.pk} at position 6: its content was changed" in first
    elif column != "position":
        assert "changed after it was sealed" in first
    with pytest.raises(CommandError, match="position 6"):
        call_command("audit", "verify", stderr=StringIO())


@pytest.mark.parametrize("column", COLUMNS)
def test_a_single_bit(sealed, column):
    event = sealed[2][1]
    value = flipped(getattr(event, column))
    if column in ("position",):
        # The neighbour has that place.
        value = 1000
    tamper(f"UPDATE audit_event SET {column} = %s WHERE id = %s", value, key(event.pk))
    assert "position 10" in wrong()[0]


@pytest.mark.parametrize("column", ["actor_id", "person_id", "organization_id", *SEALED])
def test_a_column_that_was_emptied(sealed, column):
    tamper(f"UPDATE audit_event SET {column} = NULL WHERE id = %s", key(sealed[0][1].pk))
    assert "position 2" in wrong()[0]


@pytest.mark.parametrize(("batch", "place", "position"), [(0, 0, 1), (1, 2, 6), (2, 3, 12)])
def test_a_deleted_row(sealed, batch, place, position):
    tamper("DELETE FROM audit_event WHERE id = %s", key(sealed[batch][place].pk))
    assert wrong()[0].startswith(f"the row at position {position} is missing")


def test_the_only_batch_of_a_person_deleted_with_its_rows(sealed):
    tamper("DELETE FROM audit_event WHERE batch = 2")
    tamper("DELETE FROM audit_checkpoint WHERE batch = 2")
    assert wrong()[0] == "checkpoint 2 is missing from the database"


def test_two_rows_swapped(sealed):
    one, other = sealed[1][1], sealed[1][3]
    for place, row in ((1000, one), (one.position, other), (other.position, one)):
        tamper("UPDATE audit_event SET position = %s WHERE id = %s", place, key(row.pk))
    problems = wrong()
    assert problems[0].startswith(f"row {other.pk} at position 5: its place or its numbers were changed")
    assert any(str(one.pk) in problem for problem in problems[1:])


def test_two_rows_whose_contents_were_swapped(sealed):
    one, other = sealed[0][0], sealed[0][2]
    for row, source in ((one, other), (other, one)):
        tamper(
            "UPDATE audit_event SET details = %s, mac = %s, salt = %s WHERE id = %s",
            source.details,
            source.mac,
            source.salt,
            key(row.pk),
        )
    assert wrong()[0].startswith(f"row {one.pk} at position 1: its content was changed")


def copy_of(event: AuditEvent, **changes) -> uuid.UUID:
    """The row once more, under another id."""
    new = uuid.uuid4()
    changes = {**dict.fromkeys(SEALED), **changes, "id": key(new)}
    columns = ", ".join(COLUMNS)
    values = ", ".join("%s" if name in changes else name for name in COLUMNS)
    with tampering.behind_the_triggers():
        tampering.run(
            f"INSERT INTO audit_event ({columns}) SELECT {values} FROM audit_event WHERE id = %s",
            *(changes[name] for name in COLUMNS if name in changes),
            key(event.pk),
        )
    return new


@pytest.mark.parametrize("position", [13, 500, 0, -3])
def test_an_added_row(sealed, position):
    added = copy_of(sealed[2][3], position=position)
    assert f"row {added} at position {position} was added" in wrong()[0]


def test_an_added_row_that_waits_to_be_sealed_is_found_and_never_sealed(sealed):
    added = copy_of(sealed[2][3])
    genuine = note()
    assert wrong() == [f"row {added}, not sealed, was changed or added: its code does not fit"]
    assert sealer.seal() == 1
    assert AuditEvent.objects.get(pk=genuine.pk).position == 13
    assert AuditEvent.objects.get(pk=added).position is None
    assert str(added) in wrong()[0]


@pytest.mark.parametrize("column", CHECKPOINT)
def test_a_changed_checkpoint(sealed, column):
    checkpoint = Checkpoint.objects.get(batch=2)
    value = 20 if column == "batch" else flipped(getattr(checkpoint, column))
    tamper(f"UPDATE audit_checkpoint SET {column} = %s WHERE batch = 2", value)
    assert "checkpoint 2" in wrong()[0]


def test_changed_leaves(sealed):
    checkpoint = Checkpoint.objects.get(batch=2)
    leaves = bytearray(checkpoint.leaves)
    leaves[40] ^= 1
    tamper("UPDATE audit_checkpoint SET leaves = %s WHERE batch = 2", bytes(leaves))
    assert wrong()[0] == "checkpoint 2 was changed: the hashes of its rows do not lead to its root"


def test_a_tail_that_was_cut(sealed):
    tamper("DELETE FROM audit_event WHERE batch = 3")
    tamper("DELETE FROM audit_checkpoint WHERE batch = 3")
    assert wrong()[0] == "checkpoint 3, line 3 of the journal, is missing from the database"
    note()
    with pytest.raises(Differs):
        sealer.seal()


def test_a_head_that_was_rolled_back_with_it(sealed):
    head = Head.objects.get(scope=f"person:{PERSON}")
    assert head.number == 12
    tamper("DELETE FROM audit_event WHERE batch = 3")
    tamper("DELETE FROM audit_checkpoint WHERE batch = 3")
    tamper("UPDATE audit_head SET number = 8")
    problems = wrong()
    assert problems[0] == "checkpoint 3, line 3 of the journal, is missing from the database"
    assert f"the head of person:{PERSON} was changed: its code does not fit" in problems


def test_the_whole_log_rolled_back_to_an_older_state(sealed, fresh_log):  # noqa: F811
    """Database and journal alike: a copy of the journal that was kept elsewhere tells."""
    kept = fresh_log.with_name("kept")
    kept.write_text(fresh_log.read_text())
    tamper("DELETE FROM audit_event WHERE batch = 3")
    tamper("DELETE FROM audit_checkpoint WHERE batch = 3")
    fresh_log.write_text("".join(fresh_log.read_text().splitlines(keepends=True)[:2]))
    assert wrong(kept)[0] == "checkpoint 3, line 3 of the journal, is missing from the database"


def test_the_end_of_a_persons_log_deleted_with_all_that_seals_it(fresh_log):  # noqa: F811
    sealed_batches(2, person=PERSON)
    sealed_batches(2)
    tamper("DELETE FROM audit_event WHERE person_id = %s AND person_position = 2", key(PERSON))
    tamper("UPDATE audit_checkpoint SET count = 1 WHERE batch = 1")
    problems = wrong()
    assert "checkpoint 1 was changed: its signature does not fit" in problems[0]
    assert any("ends with number 1, and its head says 2" in problem for problem in problems)


def test_a_deleted_head(sealed):
    tamper("DELETE FROM audit_head WHERE scope = %s", f"person:{PERSON}")
    assert wrong() == [f"the head of person:{PERSON} is missing"]


def test_the_checkpoints_rewritten_without_the_key(sealed, settings, fresh_log):  # noqa: F811
    """With another key, from a batch on, and everything else made to fit."""
    real = settings.AUDIT_SIGNING_KEY
    tamper("UPDATE audit_event SET kind = 'tests.nothing' WHERE batch = 2")
    tamper("DELETE FROM audit_checkpoint WHERE batch >= 2")
    tamper("UPDATE audit_event SET position = NULL, batch = NULL WHERE batch >= 2")
    lines = fresh_log.read_text().splitlines(keepends=True)
    fresh_log.write_text(lines[0])
    for event in AuditEvent.objects.filter(kind="tests.nothing"):
        # Say the attacker has even the rows' codes.

        tamper(
            "UPDATE audit_event SET mac = %s WHERE id = %s",
            log.mac(event, settings.AUDIT_KEYS[0]),
            key(event.pk),
        )
    settings.AUDIT_SIGNING_KEY = [b"the-attackers-own-key--32-bytes!"]
    tamper("DELETE FROM audit_head")
    tamper("UPDATE audit_event SET person_position = NULL, organization_position = NULL WHERE batch IS NULL")
    sealer.seal()
    settings.AUDIT_SIGNING_KEY = real
    assert "checkpoint 2 is signed with a key that AUDIT_SIGNING_KEY does not vouch for" == wrong()[0]


@pytest.mark.parametrize("kept", [0, 1, 2])
def test_a_truncated_journal(sealed, fresh_log, kept):  # noqa: F811
    fresh_log.write_text("".join(fresh_log.read_text().splitlines(keepends=True)[:kept]))
    assert wrong()[0] == f"checkpoint {kept + 1} is not in the journal"


def test_a_journal_that_is_gone(sealed, fresh_log):  # noqa: F811
    fresh_log.unlink()
    assert wrong()[0] == "checkpoint 1 is not in the journal"


def test_a_journal_whose_line_was_rewritten(sealed, fresh_log):  # noqa: F811
    fresh_log.write_text(fresh_log.read_text().replace('"count":8', '"count":9'))
    assert wrong()[0].startswith("checkpoint 2 is not the one that line 2 of the journal holds")


@pytest.mark.parametrize("line", ["", "nonsense", "{}", '{"statement": {"batch": "2"}}', "\x00\xff"])
def test_a_journal_with_a_line_that_is_none(sealed, fresh_log, line):  # noqa: F811
    lines = fresh_log.read_text().splitlines()
    fresh_log.write_text("\n".join([lines[0], line, *lines[1:], ""]))
    assert wrong()[0] == "line 2 of the journal cannot be read"


def test_an_older_copy_of_the_journal_is_no_fault(sealed, tmp_path, fresh_log):  # noqa: F811
    copy = tmp_path / "copy"
    copy.write_text("".join(fresh_log.read_text().splitlines(keepends=True)[:2]))
    assert wrong(copy) == []
    call_command("audit", "verify", journal=copy, stdout=StringIO())


def test_a_row_sealed_twice(sealed):
    """The unique index is gone, and a row stands twice."""
    if connection.vendor == "postgresql":
        [(name,)] = tampering.run(
            "SELECT conname FROM pg_constraint WHERE conrelid = 'audit_event'::regclass AND contype = 'u'"
        )
        tampering.run(f"ALTER TABLE audit_event DROP CONSTRAINT {name}")
    else:
        pytest.skip("SQLite cannot drop it")
    copy_of(sealed[1][2], position=6, batch=2, person_position=6, organization_position=6)
    assert "position 6" in wrong()[0]


def test_all_problems_are_named_on_request(sealed):
    for event in (sealed[0][0], sealed[2][0]):
        tamper("UPDATE audit_event SET kind = 'other' WHERE id = %s", key(event.pk))
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("audit", "verify", "--all", stderr=out)
    assert [str(event.pk) in out.getvalue() for event in (sealed[0][0], sealed[2][0])] == [True, True]


def test_the_statement_that_is_signed_holds_every_column_of_a_checkpoint(sealed):
    statement = statements.of(Checkpoint.objects.get(batch=3))
    columns = {field.name for field in Checkpoint._meta.fields} - {"signature", "consent", "leaves"}
    assert set(statement) == columns | {"what"}
    assert json.loads(statements.line(Checkpoint.objects.get(batch=3)))["statement"] == statement
