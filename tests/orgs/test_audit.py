"""The organization's audit: what is in it, what is not, narrowed down, and taken away."""

import csv
import datetime as dt
import io
import json
import re

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.translation import get_language

from medimic.audit import sealer
from medimic.audit.log import Origin, record
from medimic.audit.models import ActorKind
from medimic.audit.presenters import title
from medimic.flows import audit_rows
from orgs.models import Membership
from tests import cast
from tests.audit.tampering import fresh_log  # noqa: F401
from tests.orgs import kit

pytestmark = pytest.mark.django_db


def note(kind, by, organization, /, *, person=None, **details):
    with transaction.atomic():
        return record(
            kind,
            origin=kit.origin(by),
            person_id=(person or by).pk,
            organization_id=organization.pk if organization else None,
            details=details,
        )


def joined(person, organization, by=None):
    return note("orgs.joined", by or person, organization, person=person, organization="L", role="provider")


def page(client, organization, **query):
    response = client.get(kit.home(organization, "audit/"), query)
    assert response.status_code == 200
    return response


def whats(response):
    return [row.what for row in response.context["rows"]]


class TestWhatIsInIt:
    def test_acts_in_the_organization_newest_first(self, sign_in, admin, provider, clinic):
        joined(provider, clinic)
        note(
            "orgs.role_changed",
            admin,
            clinic,
            person=provider,
            organization="L",
            before="provider",
            role="admin",
        )
        response = page(sign_in(admin), clinic)
        assert whats(response) == ["Role in L changed from Provider to Admin", "Joined L as Provider"]
        rows = response.context["rows"]
        assert [(row.who, row.whom) for row in rows] == [
            ("Ada Admin", "Paula Provider"),
            ("Paula Provider", ""),
        ]

    def test_sign_ins_are_not(self, client, sign_in, admin, provider, clinic):
        client.post("/accounts/login/", {"login": provider.email, "password": cast.PASSWORD})
        client.post("/accounts/login/", {"login": provider.email, "password": "wrong"})
        assert kit.events("accounts.signed_in")
        assert whats(page(sign_in(admin), clinic)) == []
        assert all(event.organization_id is None for event in kit.events("accounts.signed_in"))

    def test_who_took_part_in_a_session_is_not(self, sign_in, admin, provider, patient, clinic):
        note("sessions.started", provider, clinic, mode="two_device", device="Phone")
        for kind in ("sessions.joined", "sessions.admitted", "sessions.left", "sessions.invited"):
            note(kind, patient, clinic, role="patient", device="Tablet", to="p…@people.example")
        note("sessions.ended", provider, clinic, mode="two_device")
        response = page(sign_in(admin), clinic)
        assert whats(response) == ["Ended a session", "Started a session on Phone"]
        assert "Piotr" not in response.content.decode()

    def test_another_organizations_is_not(self, sign_in, admin, provider, clinic):
        other = cast.make_organization("Lakeside Clinic")
        cast.join(other, admin, Membership.Role.ADMIN)
        joined(provider, other)
        client = sign_in(admin)
        assert whats(page(client, clinic)) == []
        assert len(whats(page(client, other))) == 1

    def test_support_is_named_as_such(self, sign_in, admin, support, clinic):
        with transaction.atomic():
            record(
                "orgs.renamed",
                origin=Origin(ActorKind.STAFF, support.pk),
                organization_id=clinic.pk,
                details={"before": "A", "organization": "B"},
            )
        assert page(sign_in(admin), clinic).context["rows"][0].who == "Support"

    def test_an_empty_one_says_what_will_stand_there(self, sign_in, admin, clinic):
        assert "Nothing has happened yet" in page(sign_in(admin), clinic).content.decode()


class TestNarrowing:
    @pytest.fixture
    def filled(self, clinic, admin, provider, colleague):
        for person in (provider, colleague):
            joined(person, clinic)
        note("orgs.removed", admin, clinic, person=provider, organization="L", role="provider")
        note("orgs.renamed", admin, clinic, before="K", organization="L")

    def test_by_person_whether_they_did_it_or_it_concerns_them(
        self, sign_in, admin, provider, clinic, filled
    ):
        client = sign_in(admin)
        expected = ["Removed from L, where the role was Provider", "Joined L as Provider"]
        for person in (str(provider.pk), "paula", "Paula Provider", provider.email):
            assert whats(page(client, clinic, person=person)) == expected
        assert len(whats(page(client, clinic, person=admin.email))) == 2

    def test_nobody_of_that_name_is_nothing_and_an_outsider_is_nobody(
        self, sign_in, admin, outsider, clinic, filled
    ):
        client = sign_in(admin)
        for person in ("nobody", outsider.email, str(outsider.pk), "%"):
            response = page(client, clinic, person=person)
            assert whats(response) == []
            assert "Nothing fits" in response.content.decode()
            assert "Olga" not in response.content.decode()

    def test_by_kind(self, sign_in, admin, clinic, filled):
        assert whats(page(sign_in(admin), clinic, kind="orgs.renamed")) == ["Renamed the organization K to L"]
        assert len(whats(page(sign_in(admin), clinic, kind="made.up"))) == 4

    def test_by_days_of_the_readers_time_zone_both_ends_included(
        self, sign_in, admin, provider, clinic, monkeypatch
    ):
        admin.time_zone = "Asia/Tokyo"
        admin.save()
        # 23:30 in Tokyo on the 1st, and 00:30 there on the 2nd.
        for hour, minute in ((14, 30), (15, 30)):
            at = dt.datetime(2026, 5, 1, hour, minute, tzinfo=dt.UTC)
            monkeypatch.setattr("medimic.audit.log.timezone.now", lambda at=at: at)
            note("orgs.renamed", admin, clinic, before=str(hour), organization="L")
        monkeypatch.undo()
        client = sign_in(admin)

        def found(**days):
            return [what.split()[3] for what in whats(page(client, clinic, **days))]

        assert found(to="2026-05-01") == ["14"]
        assert found(**{"from": "2026-05-02"}) == ["15"]
        assert found(**{"from": "2026-05-01", "to": "2026-05-02"}) == ["15", "14"]
        assert found(**{"from": "2026-05-03"}) == found(to="2026-04-30") == []
        assert found(**{"from": "soon", "to": "9999-12-31"}) == ["15", "14"]

    def test_pages_keep_the_filter_and_meet_every_row_once(self, sign_in, admin, provider, clinic):
        for number in range(90):
            note(
                "orgs.renamed",
                provider if number % 2 else admin,
                clinic,
                before=str(number),
                organization="L",
                person=admin if number % 3 else provider,
            )
        client = sign_in(admin)
        first = page(client, clinic, person=provider.email)
        second = client.get(kit.home(clinic, "audit/") + first.context["page"].next_url)
        seen = [row.what for response in (first, second) for row in response.context["rows"]]
        expected = [n for n in range(90) if n % 2 or not n % 3]
        assert len(seen) == len(set(seen)) == len(expected)
        back = client.get(kit.home(clinic, "audit/") + second.context["page"].previous_url)
        assert whats(back) == whats(first)

    def test_costs_the_same_queries_with_five_rows_and_fifty(self, sign_in, admin, clinic):
        client = sign_in(admin)
        cost = []
        for number in (5, 45):
            for _ in range(number):
                joined(cast.make_person(), clinic)
            page(client, clinic)
            with CaptureQueriesContext(connection) as queries:
                page(client, clinic)
            cost.append(len(queries))
        assert cost[0] == cost[1]

    # PostgreSQL weighs how few rows a test has, SQLite only which index fits.
    @pytest.mark.once
    @pytest.mark.parametrize("kind", ["", "orgs.joined"])
    @pytest.mark.parametrize("by_person", [False, True])
    def test_every_filter_has_an_index(self, clinic, provider, kind, by_person):
        wanted = audit_rows.Wanted(people=(provider.pk,) if by_person else None, kind=kind)
        for rows in audit_rows.parts_of(clinic, wanted):
            plan = rows.order_by("-created_at", "-id")[:51].explain()
            # One kind of what one person did, or had done to them, is as short a way.
            assert re.search(r"USING INDEX audit_(organization|actor_kind|person_kind)", plan)
            assert "TEMP B-TREE" not in plan


def shown(text: str) -> list[dict]:
    """What happened, of each row of an export with proofs."""
    rows = [json.loads(line) for line in text.splitlines()]
    return [row["parts"][0] for row in rows if row["type"] == "row"]


@pytest.fixture
def sealing(fresh_log, monkeypatch):  # noqa: F811
    """A worker seals while the export waits."""
    monkeypatch.setattr("medimic.audit.waiting.time.sleep", lambda _seconds: sealer.seal())


class TestExport:
    def take(self, admin, clinic, **query):
        response = kit.signed_in_just_now(admin).get(kit.home(clinic, "audit/export/"), query)
        assert response.status_code == 200
        return response, b"".join(response.streaming_content).decode()

    def test_as_csv(self, admin, provider, clinic):
        joined(provider, clinic)
        response, text = self.take(admin, clinic, format="csv")
        assert response["Content-Disposition"] == f'attachment; filename="audit-{clinic.slug}.csv"'
        [row] = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
        assert row["what"] == "Joined L as Provider"
        assert (row["by"], row["by_id"]) == ("Paula Provider", str(provider.pk))
        assert dt.datetime.fromisoformat(row["time"]).utcoffset() == dt.timedelta(0)

    def test_as_json_lines(self, admin, provider, clinic, sealing):
        for _ in range(3):
            joined(provider, clinic)
        response, text = self.take(admin, clinic, format="jsonl")
        assert [row["kind"] for row in shown(text)] == ["orgs.joined"] * 3 + ["orgs.audit_exported"]
        assert response["Content-Type"].startswith("application/x-ndjson")
        assert response["Content-Disposition"] == f'attachment; filename="audit-{clinic.slug}.jsonl"'

    def test_holds_all_that_the_filter_leaves_however_much(
        self, admin, provider, clinic, monkeypatch, sealing
    ):
        monkeypatch.setattr("medimic.audit.reading.CHUNK", 7)
        for number in range(30):
            note(
                "orgs.renamed",
                admin if number % 2 else provider,
                clinic,
                before=str(number),
                organization="L",
            )
        _response, text = self.take(admin, clinic, format="jsonl", person=provider.email)
        details = [json.loads(row["details"]) for row in shown(text)[:-1]]
        assert [row["before"] for row in details] == [str(number) for number in range(0, 30, 2)]

    def test_is_in_the_log_itself(self, admin, clinic, sealing):
        _response, text = self.take(
            admin, clinic, format="jsonl", kind="orgs.renamed", person="secret@people.example"
        )
        assert [row["kind"] for row in shown(text)] == ["orgs.audit_exported"]
        assert "secret@people.example" not in text
        [event] = kit.events("orgs.audit_exported", clinic)
        assert (event.actor_id, event.organization_id) == (admin.pk, clinic.pk)
        assert kit.details(event) == {
            "format": "jsonl", "kind": "orgs.renamed", "people": 0, "from": None, "to": None,
        }  # fmt: skip
        _response, text = self.take(admin, clinic)
        assert text.count("orgs.audit_exported") == 1

    def test_says_so_where_the_sealer_is_late(self, admin, clinic, monkeypatch):
        monkeypatch.setattr("medimic.audit.waiting.SECONDS", 0)
        client = kit.signed_in_just_now(admin)
        response = client.get(kit.home(clinic, "audit/export/"), {"format": "jsonl"}, follow=True)
        assert "sealed later than usual" in response.content.decode()

    def test_starts_no_formula(self, admin, clinic):
        admin.display_name = "=cmd|calc"
        admin.save()
        note("orgs.renamed", admin, clinic, before="A", organization="B")
        _response, text = self.take(admin, clinic)
        assert "'=cmd|calc" in text
        assert ",=cmd" not in text

    def test_speaks_the_readers_language_to_the_end(self, admin, provider, clinic, monkeypatch):
        monkeypatch.setattr("medimic.flows.audit_rows.sentence", lambda event: _language())
        for _ in range(3):
            joined(provider, clinic)
        admin.language = "pl"
        admin.save()
        _response, text = self.take(admin, clinic)
        rows = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
        assert {row["what"] for row in rows} == {"pl"}

    def test_asks_for_a_recent_authentication(self, sign_in, admin, clinic):
        response = sign_in(admin).get(kit.home(clinic, "audit/export/"))
        assert response["Location"].startswith("/accounts/reauthenticate/")
        assert kit.events("orgs.audit_exported") == []

    def test_is_for_admins_alone(self, provider, outsider, clinic):
        assert kit.signed_in_just_now(provider).get(kit.home(clinic, "audit/export/")).status_code == 403
        assert kit.signed_in_just_now(outsider).get(kit.home(clinic, "audit/export/")).status_code == 404

    def test_an_unknown_format_is_not_found(self, admin, clinic):
        client = kit.signed_in_just_now(admin)
        assert client.get(kit.home(clinic, "audit/export/"), {"format": "exe"}).status_code == 404


def _language():
    return get_language()


def test_every_kind_that_can_be_chosen_has_words(db):
    kinds = audit_rows.kinds()
    assert len(kinds) > 10
    assert [kind for kind, words in kinds if words == kind or not words] == []
    assert not any(kind.startswith("accounts.") for kind, _words in kinds)
    assert title("orgs.renamed") == "Renamed the organization … to …"


def test_rows_made_just_now_are_within_today(sign_in, admin, clinic):
    note("orgs.renamed", admin, clinic, before="A", organization="B")
    today = timezone.now().date().isoformat()
    assert len(whats(page(sign_in(admin), clinic, **{"from": today, "to": today}))) == 1
