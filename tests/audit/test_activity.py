"""The page on which people read their own part of the log."""

import datetime as dt

import pytest
from django.contrib.auth.signals import user_logged_in
from django.db import connection
from django.db.models import Q
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from medimic.audit import activity, log, presenters
from medimic.audit.forms import AREAS, ActivityFilter, Wanted
from medimic.audit.log import SYSTEM, Origin, record
from medimic.audit.models import ActorKind, AuditEvent
from medimic.pagination import Page
from tests import cast

pytestmark = pytest.mark.django_db

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


@pytest.fixture(autouse=True)
def kinds(monkeypatch):
    monkeypatch.setattr(
        presenters, "_presenters", {"tests.renamed": "Renamed to %(name)s", "tests.done": "Done %(n)s"}
    )


def by(person, kind=ActorKind.PERSON) -> Origin:
    return Origin(kind, person.pk if person else None, "192.0.2.7", FIREFOX)


def page(client, **query) -> str:
    response = client.get(reverse("activity"), query)
    assert response.status_code == 200
    return response.content.decode()


def test_shows_what_concerns_and_what_was_caused_by_the_person(provider, colleague, sign_in):
    record("tests.renamed", origin=by(provider), person_id=provider.pk, details={"name": "Mine"})
    record("tests.renamed", origin=by(provider), person_id=colleague.pk, details={"name": "Theirs"})
    record("tests.renamed", origin=by(colleague), person_id=provider.pk, details={"name": "By them"})
    record("tests.renamed", origin=SYSTEM, person_id=provider.pk, details={"name": "By itself"})
    record(
        "tests.renamed", origin=by(None, ActorKind.STAFF), person_id=provider.pk, details={"name": "Staff"}
    )
    text = page(sign_in(provider))
    for words in ("Mine", "Theirs", "By them", "By itself", "Staff"):
        assert text.count(f"Renamed to {words}<") == 1
    for words in ("You", "Colin Colleague", "System", "Support", "192.0.2.7", "Firefox on Linux"):
        assert words in text


def test_shows_nothing_of_others(provider, colleague, outsider, admin, sign_in):
    record("tests.renamed", origin=by(provider), person_id=provider.pk, details={"name": "Private"})
    for other in (colleague, outsider, admin):
        assert "Private" not in page(sign_in(other))


def test_shows_text_as_text(provider, sign_in):
    record("tests.renamed", origin=by(provider), details={"name": "<script>x</script>"})
    assert "Renamed to &lt;script&gt;" in page(sign_in(provider))


def test_support_stays_without_a_name(provider, support, sign_in):
    record("tests.renamed", origin=by(support, ActorKind.STAFF), person_id=provider.pk, details={"name": "x"})
    text = page(sign_in(provider))
    assert "Support" in text
    assert support.name not in text


def test_is_empty_at_first(outsider, sign_in, monkeypatch):
    # A sign-in is the first thing that happens.
    monkeypatch.setattr(user_logged_in, "send", lambda **_: [])
    assert "Nothing has happened yet" in page(sign_in(outsider))


def test_pages_through_all_rows_newest_first(provider, colleague, sign_in, monkeypatch):
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    for number in range(130):
        # Three of each instant: the id decides among them.
        monkeypatch.setattr(log.timezone, "now", lambda at=start + dt.timedelta(hours=number // 3): at)
        origin, person_id = [(by(provider), None), (SYSTEM, provider.pk), (by(provider), provider.pk)][
            number % 3
        ]
        record("tests.done", origin=origin, person_id=person_id, details={"n": number})
        record("tests.done", origin=by(colleague), details={"n": number})
    monkeypatch.undo()
    client = sign_in(provider)
    mine = AuditEvent.objects.filter(Q(person_id=provider.pk) | Q(actor_id=provider.pk))
    expected = list(mine.order_by("-created_at", "-id").values_list("pk", flat=True))
    assert len(expected) > 130 - 1

    def keys_and_page(query: str) -> tuple[list, Page]:
        shown = client.get(reverse("activity") + query).context["page"]
        return [event.pk for event in shown.rows], shown

    keys, first = keys_and_page("")
    more, second = keys_and_page(first.next_url)
    rest, third = keys_and_page(second.next_url)
    assert keys + more + rest == expected
    assert [len(keys), len(more)] == [50, 50]
    assert first.previous_url is None
    assert third.next_url is None
    assert keys_and_page(third.previous_url)[0] == more
    assert keys_and_page(second.previous_url)[0] == keys
    assert keys_and_page(second.previous_url)[1].previous_url is None


@pytest.mark.parametrize("cursor", ["x", "W10", "e30", "%00", "a" * 600])
def test_a_cursor_that_is_none_is_not_found(provider, sign_in, cursor):
    assert sign_in(provider).get(reverse("activity"), {"after": cursor}).status_code == 404


def test_anonymous_people_sign_in_first(client):
    response = client.get(reverse("activity"))
    assert response.status_code == 302
    assert response.url.startswith(reverse("account_login"))


def test_nothing_is_posted(provider, sign_in):
    assert sign_in(provider).post(reverse("activity")).status_code == 405


def test_queries_are_the_same_for_many_rows(provider, colleague, sign_in):
    def queries() -> int:
        client = sign_in(provider)
        with CaptureQueriesContext(
            connection,
        ) as captured:
            page(client)
        return len(captured)

    for number in range(5):
        record("tests.done", origin=by(colleague), person_id=provider.pk, details={"n": number})
    few = queries()
    others = [cast.make_person() for _ in range(20)]
    for number in range(495):
        record("tests.done", origin=by(others[number % 20]), person_id=provider.pk, details={"n": number})
    assert queries() == few


class TestNarrowing:
    @pytest.fixture(autouse=True)
    def kinds_with_words(self, monkeypatch, kinds):
        monkeypatch.setattr(
            presenters,
            "_presenters",
            {"accounts.renamed": "Renamed to %(name)s", "devices.done": "Done %(n)s", "desk.seen": "Seen"},
        )

    def whats(self, client, **query) -> list[str]:
        response = client.get(reverse("activity"), query)
        assert response.status_code == 200
        return [row.what for row in response.context["rows"]]

    @pytest.fixture
    def reader(self, provider, sign_in):
        record("accounts.renamed", origin=by(provider), person_id=provider.pk, details={"name": "X"})
        record("devices.done", origin=SYSTEM, person_id=provider.pk, details={"n": 1})
        record("devices.done", origin=by(provider), details={"n": 2})
        return sign_in(provider)

    def test_by_kind_and_by_words_of_its_name(self, reader):
        assert self.whats(reader, kind="accounts.renamed") == ["Renamed to X"]
        assert self.whats(reader, kind="devices.done") == ["Done 2", "Done 1"]
        assert self.whats(reader, q="DONE") == ["Done 2", "Done 1"]
        assert self.whats(reader, q="renamed to") == ["Renamed to X"]
        assert self.whats(reader, q="done", kind="accounts.renamed") == []
        assert self.whats(reader, kind="made.up")[-1] == "Renamed to X"

    def test_nothing_fits_says_what_to_do(self, reader):
        text = reader.get(reverse("activity"), {"q": "no such words"}).content.decode()
        assert "Nothing fits" in text
        assert "Show all" in text

    def test_by_days_of_the_readers_time_zone(self, provider, sign_in, monkeypatch):
        provider.time_zone = "Asia/Tokyo"
        provider.save()
        # 23:30 in Tokyo on the 1st, and 00:30 there on the 2nd.
        for hour in (14, 15):
            at = dt.datetime(2026, 5, 1, hour, 30, tzinfo=dt.UTC)
            monkeypatch.setattr(log.timezone, "now", lambda at=at: at)
            record("devices.done", origin=SYSTEM, person_id=provider.pk, details={"n": hour})
        monkeypatch.undo()
        client = sign_in(provider)
        monkeypatch.setattr(presenters, "_presenters", {"devices.done": "Done %(n)s"})
        assert self.whats(client, to="2026-05-01") == ["Done 14"]
        assert self.whats(client, **{"from": "2026-05-02", "to": "2026-05-02"}) == ["Done 15"]
        assert self.whats(client, **{"from": "soon", "to": "2026-05-02"}) == ["Done 15", "Done 14"]

    def test_exports_what_is_shown(self, reader):
        text = reader.get(reverse("activity"), {"kind": "devices.done"}).content.decode()
        assert "/settings/activity/export/?format=jsonl&amp;kind=devices.done" in text

    # PostgreSQL weighs how few rows a test has, SQLite only which index fits.
    @pytest.mark.once
    @pytest.mark.parametrize("kinds", [None, ("devices.done",), ("devices.done", "desk.seen")])
    def test_every_filter_has_an_index(self, provider, kinds):
        for rows in activity.parts_of(provider, Wanted(kinds=kinds)):
            plan = rows.order_by("-created_at", "-id")[:51].explain()
            assert "USING INDEX audit_" in plan
            assert "TEMP B-TREE" not in plan


@pytest.mark.once
def test_every_kind_can_be_chosen_by_a_name(monkeypatch):
    monkeypatch.undo()
    kinds = [kind for _area, rows in ActivityFilter({}).fields["kind"].choices[1:] for kind in rows]
    assert len(kinds) > 100
    assert [kind for kind, name in kinds if name == kind or name.startswith("…")] == []
    assert {kind.partition(".")[0] for kind in presenters.registered_kinds()} <= set(AREAS)
