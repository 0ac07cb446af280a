"""Retention, the journal's restoration, and new keys: the log verifies afterwards."""

import datetime as dt
import uuid
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.utils import timezone

from medimic.audit import log, sealer
from medimic.audit.models import AuditEvent, Checkpoint, Head, Prune
from tests.audit.tampering import fresh_log, note, run, sealed_batches, tamper, wrong  # noqa: F401

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_log"), pytest.mark.both]

PERSON = uuid.uuid4()
NEW_KEY = b"another-signing-key--of-32-bytes"


def audit(act: str, *arguments: str) -> str:
    out = StringIO()
    call_command("audit", act, *arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


@pytest.fixture
def aged(monkeypatch):
    """Two batches of more than six years ago, one of five, one of today."""
    now = timezone.now()
    for years in (7, 6.5, 5):
        at = now - dt.timedelta(days=365.25 * years)
        with monkeypatch.context() as then:
            then.setattr("django.utils.timezone.now", lambda at=at: at)
            sealed_batches(3, person=PERSON)
    sealed_batches(2, person=PERSON)


class TestPrune:
    def test_deletes_whole_old_batches_and_what_is_left_verifies(self, aged):
        assert audit("prune") == "6 rows deleted; their checkpoints stay.\n"
        sealer.seal()
        assert sorted(AuditEvent.objects.values_list("position", flat=True)) == [*range(7, 13)]
        assert Checkpoint.objects.count() == 5
        assert wrong() == []
        assert "The first 6 were pruned." in audit("verify")
        assert Head.objects.get(scope=f"person:{PERSON}").number == 11

    def test_is_in_the_log_itself_and_in_the_journal(self, aged, fresh_log):  # noqa: F811
        audit("prune")
        event = AuditEvent.objects.get(kind="audit.pruned")
        assert '"rows":6' in event.details
        assert '"what":"prune"' in fresh_log.read_text().splitlines()[-1]

    def test_goes_no_further_than_asked(self, aged):
        day = (timezone.now() - dt.timedelta(days=365.25 * 6.7)).date().isoformat()
        assert audit("prune", "--dry-run", "--before", day) == "3 rows would go.\n"
        assert AuditEvent.objects.count() == 11
        assert "3 rows deleted" in audit("prune", "--before", day)
        assert "3 rows deleted" in audit("prune")
        assert "0 rows deleted" in audit("prune")
        assert wrong() == []

    def test_refuses_what_is_younger_than_six_years(self, aged):
        with pytest.raises(CommandError, match="six years"):
            audit("prune", "--before", timezone.now().date().isoformat())
        with pytest.raises(CommandError, match="must be a day"):
            audit("prune", "--before", "yesterday")

    def test_spares_a_batch_with_a_young_row_in_it(self, aged):
        # A clock that went wrong: the checkpoint is old, and one of its rows is not.
        tamper("UPDATE audit_event SET created_at = %s WHERE position = 5", timezone.now())
        assert "3 rows would go" in audit("prune", "--dry-run")

    def test_stopped_halfway_goes_on(self, aged, monkeypatch):
        monkeypatch.setattr("medimic.audit.pruning.CHUNK", 2)
        delete = AuditEvent.objects.none().__class__.delete
        left = iter([1, 1])

        def stopping(rows):
            if next(left, None) is None:
                raise KeyboardInterrupt
            return delete(rows)

        with monkeypatch.context() as short:
            short.setattr("django.db.models.query.QuerySet.delete", stopping)
            with pytest.raises(KeyboardInterrupt):
                audit("prune")
        assert AuditEvent.objects.filter(position__lte=6).count() == 2
        assert wrong() == []
        assert "2 rows deleted" in audit("prune")
        assert wrong() == []


class TestWhoMayDelete:
    def refused(self) -> None:
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            AuditEvent.objects.filter(position__lte=3).delete()

    def test_nobody_without_a_prune_though_the_rows_are_old(self, aged):
        self.refused()

    def test_nobody_what_is_young_though_there_is_a_prune(self, aged):
        Prune.objects.create(
            batch=4, count=11, before=timezone.now(), made_at=timezone.now(), key="a", signature="b"
        )
        AuditEvent.objects.filter(position__lte=6).delete()
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            AuditEvent.objects.filter(position__gt=6).delete()

    def test_a_prune_that_nobody_signed_does_not_verify(self, aged):
        Prune.objects.create(
            batch=1, count=3, before=timezone.now(), made_at=timezone.now(), key="a", signature="b"
        )
        AuditEvent.objects.filter(position__lte=3).delete()
        problems = wrong()
        assert problems[0].startswith("the rows at positions 1 to 3 are missing")
        assert "the prune up to checkpoint 1 is not signed by the portal" in problems

    @pytest.mark.parametrize("table", ["audit_checkpoint", "audit_prune", "audit_head"])
    def test_nobody_checkpoints_prunes_and_heads(self, aged, table):
        audit("prune")
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            run(f"DELETE FROM {table}")

    @pytest.mark.parametrize(
        "change",
        [
            "UPDATE audit_checkpoint SET root = 'x'",
            "UPDATE audit_prune SET count = 9",
            "UPDATE audit_head SET number = number - 1",
            "UPDATE audit_head SET number = number",
            "UPDATE audit_head SET scope = 'x', number = number + 1",
        ],
    )
    def test_nobody_changes_them(self, aged, change):
        audit("prune")
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            run(change)


class TestTheJournalsRestoration:
    def test_writes_what_is_missing_and_notes_it(self, aged, fresh_log):  # noqa: F811
        audit("prune")
        sealer.seal()
        whole = fresh_log.read_text()
        fresh_log.unlink()
        assert "Checkpoints 1 to 5 were written" in audit("journal")
        assert sorted(fresh_log.read_text().splitlines()) == sorted(whole.splitlines())
        assert wrong() == []
        assert AuditEvent.objects.filter(kind="audit.journal_restored").count() == 1
        assert sealer.seal() == 1
        assert "lacks nothing" in audit("journal")

    def test_never_touches_one_that_says_otherwise(self, aged, fresh_log):  # noqa: F811
        for said in (
            fresh_log.read_text().replace('"count":6', '"count":5'),
            fresh_log.read_text() + fresh_log.read_text().splitlines()[-1] + "\n",
        ):
            fresh_log.write_text(said)
            with pytest.raises(CommandError, match="not touched"):
                audit("journal")
            assert fresh_log.read_text() == said


class TestNewKeys:
    def test_a_new_signing_key_takes_over_with_the_old_ones_consent(self, settings):
        sealed_batches(2, 2)
        old = settings.AUDIT_SIGNING_KEY[0]
        settings.AUDIT_SIGNING_KEY = [NEW_KEY, old]
        assert wrong() == []
        sealed_batches(2)
        takeover = Checkpoint.objects.get(batch=3)
        assert takeover.succeeds == Checkpoint.objects.get(batch=2).key
        assert takeover.consent
        assert wrong() == []
        settings.AUDIT_SIGNING_KEY = [NEW_KEY]
        sealed_batches(2)
        assert Checkpoint.objects.get(batch=4).succeeds == ""
        assert wrong() == []

    def test_a_key_that_was_lost_is_succeeded_without(self, settings):
        sealed_batches(2)
        settings.AUDIT_SIGNING_KEY = [NEW_KEY]
        assert "AUDIT_SIGNING_KEY does not vouch for" in wrong()[0]
        sealed_batches(1)
        assert Checkpoint.objects.get(batch=2).consent == ""
        assert wrong() == []

    def test_a_retired_key_signs_nothing_any_more(self, settings):
        sealed_batches(1)
        old = settings.AUDIT_SIGNING_KEY[0]
        settings.AUDIT_SIGNING_KEY = [NEW_KEY, old]
        sealed_batches(1)
        settings.AUDIT_SIGNING_KEY = [old]
        sealed_batches(1)
        settings.AUDIT_SIGNING_KEY = [NEW_KEY]
        assert wrong()[0] == "checkpoint 3 is signed with a key that AUDIT_SIGNING_KEY does not vouch for"

    def test_a_new_row_key_needs_the_old_one_only_until_its_rows_are_sealed(self, settings):
        old = settings.AUDIT_KEYS[0]
        note(person=PERSON)
        settings.AUDIT_KEYS = [b"another-row-key------of-32-bytes", old]
        note(person=PERSON)
        assert sealer.seal() == 2
        assert wrong() == []
        assert not log.is_genuine(AuditEvent(mac_key="x"))

    def test_the_command_shows_public_keys_alone(self, settings):
        settings.AUDIT_SIGNING_KEY = [NEW_KEY, *settings.AUDIT_SIGNING_KEY]
        out = audit("key")
        assert "  signs\n" in out
        assert NEW_KEY.hex() not in out
        assert NEW_KEY.decode() not in out
