"""The history: what it is narrowed down to, its pages, and that it costs the same for many sessions."""

import datetime as dt
import itertools

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from sessions_app import history as source
from sessions_app.models import Participant, Visit
from sessions_app.search import search_text
from tests.sessions_app.test_pages import history, make_visit, names

pytestmark = [pytest.mark.django_db, pytest.mark.both]
DAY = dt.timedelta(days=1)


def attend(visit, person, **fields):
    return Participant.objects.create(
        visit=visit, person=person, name=person.name, **{"role": "provider", **fields}
    )


def started(authorization, name, at, **fields):
    """A session that started at that instant, written as ISO."""
    start = dt.datetime.fromisoformat(at)
    return make_visit(authorization, name, ago=timezone.now() - start, **fields)


class TestDates:
    @pytest.fixture(autouse=True)
    def _sessions(self, phone, provider):
        provider.time_zone = "Europe/Warsaw"
        provider.save()
        # In Warsaw these are: the last minute of 28 March, 29 March (summer time begins), 30 March.
        started(phone, "Saturday", "2026-03-28T22:59:00+00:00")
        started(phone, "Sunday", "2026-03-28T23:00:00+00:00")
        started(phone, "Sunday night", "2026-03-29T21:59:59+00:00")
        started(phone, "Monday", "2026-03-29T22:00:00+00:00")

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ({"from": "2026-03-29", "to": "2026-03-29"}, ["Sunday night", "Sunday"]),
            ({"from": "2026-03-29"}, ["Monday", "Sunday night", "Sunday"]),
            ({"to": "2026-03-28"}, ["Saturday"]),
            ({"period": "custom", "from": "2026-03-30", "to": "2026-03-31"}, ["Monday"]),
            ({"period": "custom"}, ["Monday", "Sunday night", "Sunday", "Saturday"]),
            ({"from": "2030-01-01"}, []),
        ],
    )
    def test_both_days_count_in_the_persons_time_zone(self, sign_in, provider, query, found):
        assert names(history(sign_in(provider), **query)) == found

    def test_days_alone_choose_the_custom_range(self, sign_in, provider):
        page = history(sign_in(provider), **{"from": "2026-03-29"}).content.decode()
        assert '<option value="custom" selected>' in page
        assert 'type="date" name="from" value="2026-03-29"' in page

    @pytest.mark.parametrize(
        ("field", "typed", "says"),
        [
            ("from", "29.03.2026", "Write the date as year-month-day"),
            ("to", "2026-02-30", "Write the date as year-month-day"),
            ("from", "0001-01-01", "Choose a date after 1969."),
            ("to", "9999-12-31", "Choose a date before 2200."),
        ],
    )
    def test_what_is_no_date_says_so_beside_it_and_keeps_what_was_typed(
        self, sign_in, provider, field, typed, says
    ):
        response = history(sign_in(provider), **{field: typed})
        page = response.content.decode()
        assert response.status_code == 200
        assert says in page
        assert f'type="text" name="{field}" value="{typed}"' in page
        assert f'href="#id_{field}"' in page
        assert f'id="id_{field}_error"' in page

    def test_a_range_that_ends_before_it_begins_says_so(self, sign_in, provider):
        page = history(sign_in(provider), **{"from": "2026-03-29", "to": "2026-03-28"}).content.decode()
        assert "not before the first one" in page
        assert 'value="2026-03-28"' in page

    def test_a_period_leaves_no_choice_of_days(self, sign_in, provider, phone):
        make_visit(phone, "Now")
        assert names(history(sign_in(provider), period="day", **{"from": "2026-03-28"})) == ["Now"]


@pytest.mark.parametrize(
    ("typed", "says"),
    [({"mode": "telepathy"}, "telepathy is not one"), ({"period": "aeon"}, "aeon is not one")],
)
def test_a_choice_that_there_is_not_says_so(sign_in, provider, phone, typed, says):
    make_visit(phone)
    response = history(sign_in(provider), **typed)
    assert says in response.content.decode()
    assert names(response) == ["Visit"]


class TestSearch:
    @pytest.fixture(autouse=True)
    def _sessions(self, phone, tablet, provider):
        for ago, name in enumerate(["Follow-up: Łucja Weiß", "Wound check", "50% _dose_", "Übergabe"]):
            visit = make_visit(phone, name, ago=ago * DAY)
            Visit.objects.filter(pk=visit.pk).update(
                code=f"QRT34{'ABCD'[ago]}", search=search_text(name, f"QRT34{'ABCD'[ago]}")
            )
        attend(make_visit(tablet, "Follow-up elsewhere", ago=9 * DAY), provider)
        make_visit(tablet, "Follow-up of nobody here")

    @pytest.mark.parametrize(
        ("typed", "found"),
        [
            ("follow", ["Follow-up: Łucja Weiß", "Follow-up elsewhere"]),
            ("FOLLOW UP lu", ["Follow-up: Łucja Weiß"]),
            ("łuc", ["Follow-up: Łucja Weiß"]),
            ("weiss", ["Follow-up: Łucja Weiß"]),
            ("ubergabe", ["Übergabe"]),
            ("check wound", ["Wound check"]),
            ("heck", []),
            ("50%", ["50% _dose_"]),
            ("%", ["Follow-up: Łucja Weiß", "Wound check", "50% _dose_", "Übergabe", "Follow-up elsewhere"]),
            ("qrt34b", ["Wound check"]),
            ("QRT 34B", ["Wound check"]),
            ("qrt34", ["Follow-up: Łucja Weiß", "Wound check", "50% _dose_", "Übergabe"]),
            ("' | 'x", []),
            ("'", ["Follow-up: Łucja Weiß", "Wound check", "50% _dose_", "Übergabe", "Follow-up elsewhere"]),
        ],
    )
    def test_finds_the_beginnings_of_words_and_codes(self, sign_in, provider, typed, found):
        assert names(history(sign_in(provider), q=typed)) == found

    def test_goes_with_the_filters(self, sign_in, provider, phone):
        make_visit(phone, "Follow-up at one screen", mode="shared_device")
        page = history(sign_in(provider), q="follow", mode="shared_device")
        assert names(page) == ["Follow-up at one screen"]

    def test_nothing_found_says_what_to_do(self, sign_in, provider):
        page = history(sign_in(provider), q="zebra").content.decode()
        assert "No session fits" in page
        assert 'value="zebra"' in page

    @pytest.mark.parametrize("typed", ["a\0b", "x" * 101])
    def test_what_cannot_be_searched_says_so(self, sign_in, provider, typed):
        response = history(sign_in(provider), q=typed)
        assert response.status_code == 200
        assert 'id="id_q_error"' in response.content.decode()

    def test_finds_what_was_a_guests_before_it_was_claimed(self, sign_in, provider, phone):
        visit = make_visit(phone, "Claimed later")
        Visit.objects.filter(pk=visit.pk).update(host=None)
        Visit.objects.filter(pk=visit.pk).update(host=provider)
        assert names(history(sign_in(provider), q="claimed")) == ["Claimed later"]


class TestWhoSeesWhat:
    @pytest.mark.parametrize("state", ["waiting", "refused"])
    def test_who_was_not_admitted_has_it_in_no_list(self, sign_in, provider, tablet, state):
        attend(make_visit(tablet, "Closed door"), provider, state=state)
        assert names(history(sign_in(provider))) == []
        assert names(history(sign_in(provider), q="closed")) == []

    def test_who_joined_by_two_devices_finds_it_once(self, sign_in, provider, tablet, phone):
        visit, own = make_visit(tablet, "Twice"), make_visit(phone, "Own")
        for _ in range(2):
            attend(visit, provider)
            attend(own, provider)
        assert names(history(sign_in(provider))) == ["Own", "Twice"]


class TestPages:
    @pytest.fixture(autouse=True)
    def _sessions(self, phone, tablet, provider):
        """230 in all, hosted and attended in turns, and some of both at one instant."""
        start = timezone.now() - DAY
        visits = [
            Visit(
                name=f"Visit {number:03}",
                code="ABCDEF",
                mode="two_device",
                host=(phone if number % 3 else tablet).account,
                authorization=phone if number % 3 else tablet,
                started_at=start - dt.timedelta(minutes=number // 5),
                expires_at=start + DAY,
            )
            for number in range(230)
        ]
        Visit.objects.bulk_create(visits)
        for visit in visits:
            if visit.authorization == tablet:
                attend(visit, provider, visit_started_at=visit.started_at)
        visits.sort(key=lambda visit: (visit.started_at, visit.pk), reverse=True)
        self.expected = [visit.name for visit in visits]

    def walk(self, client, response, direction):
        pages = [names(response)]
        while url := getattr(response.context["page"], direction):
            response = client.get("/sessions/" + url)
            pages.append(names(response))
        return pages, response

    def test_forwards_and_backwards_meet_each_session_once(self, sign_in, provider):
        client = sign_in(provider)
        forwards, last = self.walk(client, history(client), "next_url")
        assert [len(page) for page in forwards] == [50, 50, 50, 50, 30]
        assert list(itertools.chain(*forwards)) == self.expected
        backwards, first = self.walk(client, last, "previous_url")
        assert list(itertools.chain(*reversed(backwards))) == self.expected
        assert first.context["page"].first_url is None

    def test_the_last_page_is_one_step_away_and_so_is_the_first(self, sign_in, provider):
        client = sign_in(provider)
        last = client.get("/sessions/" + history(client, mode="two_device").context["page"].last_url)
        assert names(last) == self.expected[-50:]
        page = last.context["page"]
        assert (page.next_url, page.last_url) == (None, None)
        assert names(client.get("/sessions/" + page.previous_url)) == self.expected[-100:-50]
        assert page.first_url == "?mode=two_device"
        assert names(client.get("/sessions/" + page.first_url)) == self.expected[:50]

    @pytest.mark.parametrize("near", [20, 60, source.NEAR])
    def test_a_search_has_pages_as_well(self, sign_in, provider, monkeypatch, near):
        monkeypatch.setattr(source, "NEAR", near)
        client = sign_in(provider)
        pages, last = self.walk(client, history(client, q="visit"), "next_url")
        assert list(itertools.chain(*pages)) == self.expected
        pages, _first = self.walk(client, last, "previous_url")
        assert list(itertools.chain(*reversed(pages))) == self.expected

    @pytest.mark.parametrize("near", [20, source.NEAR])
    def test_a_search_finds_what_lies_far_back(self, sign_in, provider, monkeypatch, near):
        monkeypatch.setattr(source, "NEAR", near)
        last_of_own = next(name for name in reversed(self.expected) if int(name[-3:]) % 3)
        assert names(history(sign_in(provider), q=last_of_own)) == [last_of_own]

    def test_each_is_read_in_lots_and_misses_nothing(self, provider, monkeypatch):
        monkeypatch.setattr(source, "LOT", 7)
        found = source.each(provider, source.Wanted(timezone.now()))
        assert [visit.name for visit in found] == self.expected

    @pytest.mark.parametrize("cursor", ["x", "%00", "bnVsbA", "WzEsMl0"])
    @pytest.mark.parametrize("direction", ["after", "before"])
    def test_a_mangled_cursor_is_not_found(self, sign_in, provider, direction, cursor):
        assert history(sign_in(provider), **{direction: cursor}).status_code == 404


NARROWED = [
    {},
    *({"period": period} for period in ("day", "week", "month")),
    {"from": "2026-01-01", "to": "2199-12-31"},
    *({"mode": mode} for mode in Visit.Mode.values),
    *({"status": status} for status in Visit.Status.values),
    *({"mode": "two_device", "status": status} for status in Visit.Status.values),
    {"q": "visit"},
    {"q": "nothing"},
    {"q": "visit", "mode": "two_device", "status": "expired", "period": "month"},
]


@pytest.mark.parametrize("page", [{}, {"page": "last"}], ids=["first", "last"])
@pytest.mark.parametrize("query", NARROWED, ids=lambda query: "&".join(map("=".join, query.items())) or "all")
def test_500_sessions_cost_no_more_queries_than_12(sign_in, phone, tablet, provider, query, page):
    client = sign_in(provider)
    modes, states = itertools.cycle(Visit.Mode.values), itertools.cycle(["active", "ended", "expired"])

    def fill(number):
        now = timezone.now()
        visits = []
        for minutes in range(number):
            state, start = next(states), now - dt.timedelta(minutes=minutes)
            visits.append(
                Visit(
                    name="Visit",
                    code="ABCDEF",
                    mode=next(modes),
                    host=phone.account if minutes % 2 else tablet.account,
                    authorization=phone if minutes % 2 else tablet,
                    started_at=start,
                    expires_at=start + (DAY if state == "active" else dt.timedelta(microseconds=1)),
                    ended_at=start if state == "ended" else None,
                )
            )
        Visit.objects.bulk_create(visits)
        Participant.objects.bulk_create(
            Participant(visit=v, visit_started_at=v.started_at, person=provider, name="P", role="provider")
            for v in visits
            if v.host_id != provider.pk
        )

    def count():
        with CaptureQueriesContext(connection) as queries:
            assert history(client, **query, **page).status_code == 200
        return len(queries)

    fill(12)
    history(client)  # the first page of a sign-in notes the browser
    few = count()
    fill(488)
    assert count() <= few
