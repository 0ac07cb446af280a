"""One session: the guide's seven facts, and who was there when."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from medimic.formatting import Dates
from sessions_app.models import Participant, Visit
from sessions_app.presenters_detail import NARROWEST, WIDTH, SessionFacts, stays
from tests.sessions_app.test_pages import make_visit

pytestmark = pytest.mark.django_db
START = dt.datetime(2026, 1, 15, 22, 30, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def visit(phone, provider):
    """60 minutes over midnight in Warsaw, where the provider reads it."""
    provider.time_zone, provider.date_locale = "Europe/Warsaw", "en_GB"
    provider.save()
    visit = make_visit(phone, "Ward round")
    Visit.objects.filter(pk=visit.pk).update(
        started_at=START, ended_at=START + 60 * MINUTE, expires_at=START + dt.timedelta(hours=8)
    )
    visit.participants.update(joined_at=START, left_at=START + 60 * MINUTE)
    visit.refresh_from_db()
    return visit


def joins(visit, name, joined, left, **fields):
    return Participant.objects.create(
        visit=visit,
        name=name,
        joined_at=START + joined * MINUTE,
        left_at=None if left is None else START + left * MINUTE,
        **{"role": "patient", **fields},
    )


def facts(visit, reader, now=None):
    return SessionFacts.of(visit, reader=reader, now=now or timezone.now())


def page(sign_in, person, visit):
    return sign_in(person).get(f"/sessions/{visit.pk}/").content.decode()


def test_all_seven_facts_stand_there(sign_in, provider, visit):
    text = page(sign_in, provider, visit)
    for label in (
        "Session Name", "Session Code", "Date & Time", "Duration", "Mode", "Participants",
    ):  # fmt: skip
        assert f">{label}<" in text
    for fact in ("Ward round", "ABCDEF", "15 Jan 2026, 22:30 UTC", "15 Jan 2026, 23:30 Europe/Warsaw",
                 "1 h", "Two-Device", "Paula Provider"):  # fmt: skip
        assert fact in text


def test_a_reader_in_utc_gets_one_time(sign_in, provider, visit):
    provider.time_zone = "UTC"
    provider.save()
    assert page(sign_in, provider, visit).count("15 Jan 2026, 22:30") == 1


def test_who_was_there_when_is_told_in_words(provider, visit):
    joins(visit, "Marek", 5, 20)
    joins(visit, "", 40, 60)
    host, marek, guest = facts(visit, provider).stays
    assert (host.name, host.role, host.is_host) == ("Paula Provider", "Provider", True)
    assert (marek.joined, marek.left, marek.lasted, marek.is_host) == ("23:35", "23:50", "15 min", False)
    # After midnight the day is told as well.
    assert (guest.name, guest.joined, guest.left) == ("Guest", "16 Jan 2026, 00:10", "16 Jan 2026, 00:30")


def test_only_who_was_admitted_is_listed(sign_in, provider, visit):
    joins(visit, "At the door", 1, None, state="waiting")
    joins(visit, "Sent away", 1, 2, state="refused")
    text = page(sign_in, provider, visit)
    assert "At the door" not in text
    assert "Sent away" not in text


@pytest.mark.parametrize(
    ("joined", "left", "bar"),
    [
        (0, 60, (0, WIDTH)),
        (15, 30, (250, 250)),
        (30, None, (500, 500)),
        (-5, 90, (0, WIDTH)),
        (60, 60, (WIDTH - NARROWEST, NARROWEST)),
        (70, 80, (WIDTH - NARROWEST, NARROWEST)),
        (0, 0, (0, NARROWEST)),
    ],
)
def test_bars_lie_inside_the_timeline(provider, visit, joined, left, bar):
    one = joins(visit, "Marek", joined, left)
    (stay,) = stays(visit, [one], Dates.of(provider))
    assert (stay.x, stay.width) == bar


def test_the_timeline_is_drawn_without_a_script(sign_in, provider, visit):
    joins(visit, "Marek", 15, 30)
    assert '<rect x="250" width="250" height="8"></rect>' in page(sign_in, provider, visit)


def test_an_active_session_runs_on(provider, visit):
    Visit.objects.update(ended_at=None)
    visit.participants.update(left_at=None)
    visit.refresh_from_db()
    told = facts(visit, provider, START + 90 * MINUTE)
    assert (told.status, told.duration, told.is_active) == ("Active", "1 h 30 min", True)
    assert (told.end_label, told.end_local) == ("Expires", "16 Jan 2026, 07:30")
    assert (told.stays[0].joined, told.stays[0].left) == ("23:30", "")


def test_its_duration_is_kept_running_by_a_script(sign_in, provider, phone):
    text = page(sign_in, provider, make_visit(phone, ago=5 * MINUTE))
    assert "js/elapsed.js" in text
    assert ">5 min</span>" in text


def test_an_expired_session_lasted_until_it_expired(provider, visit):
    Visit.objects.update(ended_at=None)
    visit.participants.update(left_at=None)
    visit.refresh_from_db()
    told = facts(visit, provider)
    assert (told.status, told.duration, told.end_label) == ("Expired", "8 h", "Expired")
    assert told.stays[0].left == "16 Jan 2026, 07:30"


def test_over_in_an_instant_divides_by_nothing(provider, visit):
    Visit.objects.update(ended_at=START)
    visit.refresh_from_db()
    assert facts(visit, provider).stays[0].width == NARROWEST


def test_many_participants_cost_the_queries_of_one(sign_in, provider, visit):
    client = sign_in(provider)

    def count():
        with CaptureQueriesContext(connection) as queries:
            assert client.get(f"/sessions/{visit.pk}/").status_code == 200
        return len(queries)

    count()  # the first page of a sign-in notes the browser
    few = count()
    for number in range(50):
        joins(visit, f"Guest {number}", number, None)
    assert count() == few
