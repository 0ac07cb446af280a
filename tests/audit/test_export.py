"""Exports, and the script that outsiders verify them with, as docs/ ships it."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.totp.internal.auth import TOTP
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.test import Client
from django.urls import reverse
from django_otp import DEVICE_ID_SESSION_KEY

from accounts.otp import Factor
from medimic.audit import pruning, sealer, statements, waiting
from medimic.audit.log import Origin, record
from medimic.audit.models import ActorKind, AuditEvent
from tests import cast
from tests.audit.tampering import fresh_log, key, note, sealed_batches, tamper  # noqa: F401
from tests.orgs import kit

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sealing")]

SCRIPT = Path(settings.BASE_DIR, "docs", "verify_audit.py")


@pytest.fixture
def sealing(fresh_log, monkeypatch):  # noqa: F811
    """A worker seals while the export waits."""
    monkeypatch.setattr(waiting.time, "sleep", lambda _seconds: sealer.seal())


@pytest.fixture
def filled(provider, colleague, clinic):
    """Some of the provider's, among others' rows, in several batches."""
    for _ in range(4):
        for person in (provider, colleague):
            note("accounts.signed_in", by=person.pk, person=person.pk)
        note("orgs.joined", by=provider.pk, person=colleague.pk, organization=clinic.pk, role="provider")
        note("sessions.joined", by=colleague.pk, person=colleague.pk, organization=clinic.pk)
        sealer.seal()


def take(client: Client, address: str, **query) -> str:
    response = client.get(address, query)
    assert response.status_code == 200
    return b"".join(response.streaming_content).decode()


def activity(person, **query) -> str:
    return take(kit.signed_in_just_now(person), reverse("activity_export"), **{"format": "jsonl", **query})


def verify(text: str, tmp_path: Path, public_key: str = "") -> tuple[bool, str]:
    """What the script says, run by itself with the public key alone."""
    file = tmp_path / "export.jsonl"
    file.write_text(text)
    done = subprocess.run(
        [sys.executable, "-I", str(SCRIPT), str(file), public_key or statements.public_keys()[0]],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin"},
        timeout=60,
    )
    assert "Traceback" not in done.stderr
    return done.returncode == 0, done.stdout + done.stderr


def rows_of(text: str) -> list[dict]:
    return [row for row in map(json.loads, text.splitlines()) if row["type"] == "row"]


def part(row: dict, name: str) -> dict:
    return next((part for part in row["parts"] if isinstance(part, dict) and part["part"] == name), {})


class TestAPersons:
    def test_verifies_as_complete(self, filled, provider, colleague, tmp_path):
        for person, others in ((provider, 4), (colleague, 0)):
            text = activity(person)
            own = AuditEvent.objects.filter(person_id=person.pk).count()
            good, said = verify(text, tmp_path)
            assert good, said
            assert f"VERIFIED: {own} rows of the person {person.pk}" in said
            assert ("acts of that person in other logs" in said) == bool(others)
            assert "complete up to" in said
            assert len(rows_of(text)) == own + others

    def test_again_holds_the_first_export_as_well(self, filled, provider, tmp_path):
        activity(provider)
        text = activity(provider)
        assert verify(text, tmp_path)[0]
        assert [part(row, "event")["kind"] for row in rows_of(text)].count("audit.exported") == 2

    def test_narrowed_down_says_that_it_is_a_selection(self, filled, provider, tmp_path):
        text = activity(provider, kind="accounts.signed_in")
        good, said = verify(text, tmp_path)
        assert good, said
        assert "A selection (kind)" in said
        assert "complete" not in said
        assert len(rows_of(text)) == 4 + 1 + 1

    def test_tells_no_more_of_others_than_hashes(self, filled, provider, colleague):
        text = activity(provider)
        for event in AuditEvent.objects.filter(actor_id=colleague.pk):
            assert str(event.pk) not in text
        assert "sessions.joined" not in text
        for row in rows_of(text):
            if part(row, "event")["person_id"] != str(provider.pk):
                assert part(row, "person") == {}
            assert part(row, "organization") == part(row, "code") == {}
        for event in AuditEvent.objects.all():
            assert event.salt not in text
            assert event.mac not in text

    def test_shows_what_support_did_and_not_which_of_its_people(self, provider, support, tmp_path):
        with transaction.atomic():
            record(
                "devices.revoked",
                origin=Origin(ActorKind.STAFF, support.pk, "198.51.100.9", "Desk"),
                person_id=provider.pk,
            )
        text = activity(provider)
        good, said = verify(text, tmp_path)
        assert good, said
        assert "devices.revoked" in text
        for secret in (str(support.pk), "198.51.100.9", "Desk"):
            assert secret not in text

    def test_is_noted_with_what_was_asked_and_not_with_what_was_typed(self, filled, provider):
        activity(provider, q="signed PLANTED", **{"from": "2026-01-01"})
        event = AuditEvent.objects.get(kind="audit.exported")
        assert event.person_id == provider.pk
        assert json.loads(event.details) == {
            "format": "jsonl", "kind": None, "text": True, "from": "2026-01-01", "to": None,
        }  # fmt: skip

    def test_as_csv_reads_in_words(self, filled, provider):
        text = activity(provider, format="csv")
        rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
        assert {row["kind"] for row in rows} >= {"accounts.signed_in", "orgs.joined"}
        assert all(row["by"] == "Paula Provider" for row in rows)
        assert AuditEvent.objects.filter(kind="audit.exported").count() == 1

    def test_asks_for_a_recent_authentication(self, provider, sign_in):
        response = sign_in(provider).get(reverse("activity_export"))
        assert response["Location"].startswith("/accounts/reauthenticate/")
        assert not AuditEvent.objects.filter(kind="audit.exported").exists()

    def test_an_unknown_format_is_not_found(self, provider):
        client = kit.signed_in_just_now(provider)
        assert client.get(reverse("activity_export"), {"format": "exe"}).status_code == 404

    def test_says_so_where_the_sealer_is_late(self, provider, monkeypatch):
        monkeypatch.setattr(waiting, "SECONDS", 0)
        client = kit.signed_in_just_now(provider)
        response = client.get(reverse("activity_export"), {"format": "jsonl"}, follow=True)
        assert "sealed later than usual" in response.content.decode()

    def test_reads_a_batch_once_however_many_of_its_rows_are_wanted(
        self, provider, django_assert_max_num_queries
    ):
        for _ in range(60):
            note("accounts.signed_in", by=provider.pk, person=provider.pk)
        sealer.seal()
        client = kit.signed_in_just_now(provider)
        with django_assert_max_num_queries(45):
            text = take(client, reverse("activity_export"), format="jsonl")
        assert len(rows_of(text)) > 60


class TestAnOutsiderFinds:
    """Each change of a file, made by whoever handed it on."""

    @pytest.fixture
    def lines(self, filled, provider) -> list[dict]:
        return [json.loads(line) for line in activity(provider).splitlines()]

    def said(self, lines: list[dict], tmp_path: Path) -> str:
        good, said = verify("".join(json.dumps(line) + "\n" for line in lines), tmp_path)
        assert not good
        assert "NOT VERIFIED" in said
        return said

    def numbered(self, lines: list[dict]) -> list[int]:
        return [at for at, line in enumerate(lines) if line["type"] == "row" and part(line, "person")]

    def test_a_row_left_out(self, lines, tmp_path):
        for at in self.numbered(lines)[:-1]:
            rest = [line for number, line in enumerate(lines) if number != at]
            said = self.said(rest, tmp_path)
            assert "missing" in said

    def test_the_end_cut_off(self, lines, tmp_path):
        assert "the end was cut off" in self.said(lines[:-1], tmp_path)

    def test_any_word_of_any_row_changed(self, lines, tmp_path):
        for at in self.numbered(lines)[:2]:
            for shown in [part for part in lines[at]["parts"] if isinstance(part, dict)]:
                for name, value in list(shown.items()):
                    shown[name] = 99 if isinstance(value, int) else f"{value}x"
                    self.said(lines, tmp_path)
                    shown[name] = value

    def test_two_rows_contents_swapped(self, lines, tmp_path):
        one, other = self.numbered(lines)[:2]
        lines[one]["parts"], lines[other]["parts"] = lines[other]["parts"], lines[one]["parts"]
        assert "was changed" in self.said(lines, tmp_path)

    def test_a_row_twice(self, lines, tmp_path):
        assert "twice" in self.said([*lines[:-1], lines[self.numbered(lines)[0]], lines[-1]], tmp_path)

    def test_another_persons_row(self, lines, colleague, tmp_path):
        theirs = [json.loads(line) for line in activity(colleague).splitlines()]
        known = {line["statement"]["batch"] for line in lines if line["type"] == "checkpoint"}
        added = next(
            line for line in theirs if line["type"] == "row" and part(line, "event")["batch"] in known
        )
        said = self.said([*lines[:-1], added, lines[-1]], tmp_path)
        assert "is not of this log" in said

    @pytest.mark.parametrize("field", ["batch", "count", "root", "previous", "made_at", "key"])
    def test_a_changed_checkpoint(self, lines, tmp_path, field):
        statement = next(line["statement"] for line in lines if line["type"] == "checkpoint")
        value = statement[field]
        statement[field] = (
            value + 1 if isinstance(value, int) else value[:-1] + ("0" if value[-1] != "0" else "1")
        )
        self.said(lines, tmp_path)

    def test_another_key(self, filled, provider, tmp_path):
        good, said = verify(activity(provider), tmp_path, "ab" * 32)
        assert not good
        assert "not known" in said

    @pytest.mark.parametrize("text", ["", "{}", "nonsense", '{"type": "row"}', "[]"])
    def test_a_file_that_is_none(self, tmp_path, text):
        assert not verify(text, tmp_path)[0]


class TestAnOrganizations:
    def test_verifies_as_complete_though_some_is_not_theirs_to_know(self, filled, admin, clinic, tmp_path):
        address = kit.home(clinic, "audit/export/")
        text = take(kit.signed_in_just_now(admin), address, format="jsonl")
        good, said = verify(text, tmp_path)
        assert good, said
        assert f"VERIFIED: 5 rows of the organization {clinic.pk}, complete up to" in said
        assert "sessions.joined" not in text
        assert all(part(row, "person") == {} for row in rows_of(text))


class TestStaffs:
    def test_whole_log_verifies(self, filled, tmp_path, monkeypatch, auditor_client):
        text = take(auditor_client, reverse("audit_log_export"), format="jsonl")
        good, said = verify(text, tmp_path)
        assert good, said
        count = AuditEvent.objects.filter(position__isnull=False).count()
        assert f"VERIFIED: {count} rows of the log, complete up to" in said

    def test_is_not_for_people_without_the_right(self, provider, support):
        for person in (provider, support):
            response = kit.signed_in_just_now(person).get(reverse("audit_log_export"))
            assert response.status_code == 302
            assert "export" in response["Location"]

    @pytest.fixture
    def auditor_client(self, db) -> Client:
        auditor = cast.make_person("Aude", "Auditor", is_staff=True, is_superuser=True)
        TOTP.activate(auditor, "JBSWY3DPEHPK3PXP")
        client = Client()
        client.force_login(auditor)
        request = HttpRequest()
        request.session = client.session
        record_authentication(request, auditor, method="mfa", type="totp")
        request.session[DEVICE_ID_SESSION_KEY] = Factor.objects.get(user=auditor).persistent_id
        request.session.save()
        return client


def test_a_key_that_took_over_is_known_by_either(settings, provider, tmp_path):
    old = settings.AUDIT_SIGNING_KEY[0]
    note(by=provider.pk, person=provider.pk)
    sealer.seal()
    settings.AUDIT_SIGNING_KEY = [b"another-signing-key--of-32-bytes", old]
    text = activity(provider)
    assert "takeover" in text
    for public_key in statements.public_keys():
        good, said = verify(text, tmp_path, public_key)
        assert good, said


def test_what_was_pruned_is_said(provider, tmp_path, monkeypatch):
    now = pruning.timezone.now()
    with monkeypatch.context() as then:
        then.setattr("django.utils.timezone.now", lambda: now.replace(year=now.year - 7, day=1))
        sealed_batches(3, person=provider.pk)
    assert pruning.prune(pruning.plan()) == 3
    good, said = verify(activity(provider), tmp_path)
    assert good, said
    assert "Rows 1 to 3 were pruned" in said


def test_a_row_deleted_behind_the_triggers_is_missing_from_the_export(filled, provider, tmp_path):
    tamper("DELETE FROM audit_event WHERE person_id = %s AND person_position = 2", key(provider.pk))
    good, said = verify(activity(provider), tmp_path)
    assert not good
    assert "missing in between" in said


def test_the_end_deleted_behind_the_triggers_is_missing_as_well(filled, provider, tmp_path):
    """The head remembers how far the log had come."""
    tamper("DELETE FROM audit_event WHERE person_id = %s AND person_position = 4", key(provider.pk))
    assert not verify(activity(provider), tmp_path)[0]


def test_the_public_key_is_public(client):
    response = client.get(reverse("audit_key"))
    assert response.status_code == 200
    assert response.content.decode().strip() == statements.public_keys()[0]
    assert client.post(reverse("audit_key")).status_code == 405
