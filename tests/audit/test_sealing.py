"""Rows get their places: each one, once, in batches that hang together."""

import threading
import time
import uuid

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from medimic.audit import sealer, statements, tree
from medimic.audit.journal import Differs
from medimic.audit.leaves import leaf
from medimic.audit.log import SYSTEM, record
from medimic.audit.models import AuditEvent, Checkpoint, Head
from tests.audit import tampering
from tests.audit.tampering import fresh_log, note, sealed_batches, wrong  # noqa: F401

pytestmark = pytest.mark.both

PERSON, CLINIC = uuid.uuid4(), uuid.uuid4()


@pytest.mark.django_db
@pytest.mark.usefixtures("fresh_log")
class TestABatch:
    def test_gives_positions_and_numbers_without_gaps(self):
        note()
        for _ in range(2):
            note(person=PERSON)
            note(person=PERSON, organization=CLINIC)
        assert sealer.seal() == 5
        rows = AuditEvent.objects.order_by("position")
        assert [row.position for row in rows] == [1, 2, 3, 4, 5]
        assert [row.created_at for row in rows] == sorted(row.created_at for row in rows)
        assert [row.person_position for row in rows] == [None, 1, 2, 3, 4]
        assert [row.organization_position for row in rows] == [None, None, 1, None, 2]
        assert {row.batch for row in rows} == {1}
        note(person=PERSON)
        sealer.seal()
        assert AuditEvent.objects.get(position=6).person_position == 5
        assert {head.scope: head.number for head in Head.objects.all()} == {
            f"person:{PERSON}": 5,
            f"organization:{CLINIC}": 2,
        }

    def test_has_a_signed_root_in_the_database_and_in_the_journal(self, fresh_log):  # noqa: F811
        [first, second] = sealed_batches(2, 3)
        one, two = Checkpoint.objects.order_by("batch")
        assert (one.count, two.count) == (2, 5)
        assert one.root == tree.root([leaf(event) for event in first]).hex()
        assert two.root == tree.root([leaf(event) for event in second]).hex()
        assert (one.previous, two.previous) == ("0" * 64, statements.digest(one))
        assert statements.is_signed(one)
        assert statements.is_signed(two)
        assert fresh_log.read_text().splitlines() == [statements.line(one), statements.line(two)]
        assert fresh_log.stat().st_mode & 0o777 == 0o600

    def test_is_not_made_of_nothing(self, fresh_log):  # noqa: F811
        assert sealer.seal() == 0
        assert not Checkpoint.objects.exists()
        assert fresh_log.read_text() == ""

    def test_is_no_larger_than_it_may_be(self, monkeypatch):
        monkeypatch.setattr(sealer, "BATCH", 4)
        for _ in range(10):
            note(person=PERSON)
        assert sealer.seal() == 10
        assert list(Checkpoint.objects.order_by("batch").values_list("count", flat=True)) == [4, 8, 10]
        assert wrong() == []

    def test_leaves_what_organizations_must_not_learn_out_of_their_numbers(self):
        for kind in ("sessions.started", "sessions.joined", "sessions.ended"):
            note(kind, organization=CLINIC)
        sealer.seal()
        numbers = AuditEvent.objects.order_by("position").values_list("kind", "organization_position")
        assert list(numbers) == [("sessions.started", 1), ("sessions.joined", None), ("sessions.ended", 2)]

    def test_asks_as_many_queries_for_many_rows_as_for_few(self, django_assert_max_num_queries):
        for _ in range(300):
            note(person=uuid.uuid4(), organization=CLINIC)
        with django_assert_max_num_queries(14):
            sealer.seal()
        assert wrong() == []


@pytest.mark.django_db
@pytest.mark.usefixtures("fresh_log")
class TestTheJournal:
    def test_that_lacks_the_last_line_gets_it(self, fresh_log):  # noqa: F811
        """The process was killed between the database and the journal."""
        sealed_batches(1, 1)
        whole = fresh_log.read_text()
        for left in (whole.splitlines(keepends=True)[0], whole[:-30]):
            fresh_log.write_text(left)
            assert sealer.seal() == 0
            assert fresh_log.read_text() == whole

    def test_that_was_never_begun_gets_its_first_line(self, fresh_log):  # noqa: F811
        sealed_batches(1)
        whole = fresh_log.read_text()
        fresh_log.unlink()
        sealer.seal()
        assert fresh_log.read_text() == whole

    @pytest.mark.parametrize("keep", [slice(0, 1), slice(0, 0), slice(1, 2)])
    def test_that_lacks_more_stops_the_sealer(self, fresh_log, keep):  # noqa: F811
        sealed_batches(1, 1, 1)
        lines = fresh_log.read_text().splitlines(keepends=True)
        fresh_log.write_text("".join(lines[keep]) if keep != slice(1, 2) else lines[0] + "\n" + lines[0])
        note()
        with pytest.raises(Differs):
            sealer.seal()
        assert AuditEvent.objects.filter(position=None).count() == 1

    def test_of_another_database_stops_the_sealer(self, fresh_log):  # noqa: F811
        sealed_batches(2)
        tampering.empty()
        note()
        with pytest.raises(Differs, match="the database none"):
            sealer.seal()

    def test_that_is_held_by_another_process_leaves_sealing_to_it(self):
        from medimic.audit import journal

        note()
        with journal.opened() as held:
            assert held
            assert sealer.seal() == 0
        assert sealer.seal() == 1


@pytest.mark.django_db
@pytest.mark.usefixtures("fresh_log")
class TestReadiness:
    def test_says_how_far_the_seal_lags_and_serves(self, monkeypatch):
        event = note()
        found = Client().get(reverse("readyz")).json()["checks"]["audit"]
        assert (found["status"], found["sealed_seconds_ago"]) == ("ok", None)
        later = event.created_at + sealer.timezone.timedelta(minutes=5)
        monkeypatch.setattr("medimic.audit.standing.timezone.now", lambda: later)
        response = Client().get(reverse("readyz"))
        assert response.json()["checks"]["audit"]["status"] == "late"
        assert response.json()["checks"]["audit"]["oldest_unsealed_seconds"] == 300
        assert response.status_code == 200
        sealer.seal()
        assert Client().get(reverse("readyz")).json()["checks"]["audit"]["status"] == "ok"


@pytest.fixture
def shared_log(transactional_db, settings, tmp_path):
    """As `fresh_log`, for threads: what they wrote is removed afterwards."""
    settings.AUDIT_JOURNAL = tmp_path / "journal"
    with transaction.atomic():
        tampering.empty()
    yield tmp_path / "journal"
    with transaction.atomic():
        tampering.empty()


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_sealers_side_by_side_seal_each_row_once(self, shared_log):
        done = threading.Event()
        failures: list[BaseException] = []

        def run(act) -> threading.Thread:
            def safe() -> None:
                try:
                    act()
                except BaseException as failure:
                    failures.append(failure)
                finally:
                    connection.close()

            thread = threading.Thread(target=safe)
            thread.start()
            return thread

        def write() -> None:
            for _ in range(25):
                with transaction.atomic():
                    record("tests.done", origin=SYSTEM, person_id=PERSON)

        def keep() -> None:
            while not done.is_set():
                sealer.seal()
                time.sleep(0.005)

        writers = [run(write) for _ in range(4)]
        sealers = [run(keep) for _ in range(3)]
        for writer in writers:
            writer.join()
        done.set()
        for thread in sealers:
            thread.join()
        sealer.seal()
        assert failures == []
        numbers = AuditEvent.objects.order_by("position").values_list("position", "person_position")
        assert list(numbers) == [(n, n) for n in range(1, 101)]
        assert wrong() == []

    @pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
    def test_a_row_that_commits_late_is_sealed_with_the_next(self, shared_log):
        """By a high-water mark it would be lost."""
        begun, go_on = threading.Event(), threading.Event()

        def slow() -> None:
            with transaction.atomic():
                record("tests.late", origin=SYSTEM)
                begun.set()
                go_on.wait(10)
            connection.close()

        thread = threading.Thread(target=slow)
        thread.start()
        begun.wait(10)
        note("tests.quick")
        assert sealer.seal() == 1
        go_on.set()
        thread.join()
        assert sealer.seal() == 1
        assert list(AuditEvent.objects.order_by("position").values_list("kind", flat=True)) == [
            "tests.quick",
            "tests.late",
        ]
        assert wrong() == []

    def test_goes_on_until_it_is_asked_to_stop(self, shared_log, monkeypatch):
        monkeypatch.setattr(sealer, "EVERY_SECONDS", 0.02)
        asked = threading.Event()
        thread = threading.Thread(target=sealer.keep_sealing, args=(asked,))
        thread.start()
        for number in range(3):
            event = note(n=number)
            deadline = time.monotonic() + 10
            while AuditEvent.objects.get(pk=event.pk).position is None:
                assert time.monotonic() < deadline
                time.sleep(0.02)
        asked.set()
        thread.join(5)
        assert not thread.is_alive()
        assert wrong() == []

    def test_outlives_what_goes_wrong_and_says_so_once(self, shared_log, monkeypatch, caplog):
        monkeypatch.setattr(sealer, "EVERY_SECONDS", 0.01)
        monkeypatch.setattr(sealer, "LONGEST_OUTAGE_SECONDS", 0.01)
        seal, calls = sealer.seal, []
        asked = threading.Event()

        def failing() -> int:
            calls.append(1)
            if len(calls) < 4:
                raise Differs("it was cut")
            asked.set()
            return seal()

        monkeypatch.setattr(sealer, "seal", failing)
        event = note()
        thread = threading.Thread(target=sealer.keep_sealing, args=(asked,))
        thread.start()
        thread.join(10)
        assert AuditEvent.objects.get(pk=event.pk).position == 1
        errors = [record for record in caplog.records if record.levelname == "ERROR"]
        assert [error.getMessage() for error in errors] == ["the audit log is not sealed: it was cut"]
