import datetime as dt
import uuid
import zoneinfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from sessions_app import reads, visits
from sessions_app.models import Participant, Visit
from sessions_app.presenters import duration
from tests.sessions_app.conftest import ORIGIN

pytestmark = pytest.mark.django_db


def make_visit(authorization, name="Visit", *, ago=dt.timedelta(), lasts=None, mode="two_device"):
    """A session that started so long ago; it goes on, or expired, unless it `lasts`."""
    start = timezone.now() - ago
    visit = Visit.objects.create(
        name=name,
        code="ABCDEF",
        mode=mode,
        host=authorization.account,
        authorization=authorization,
        started_at=start,
        expires_at=start + dt.timedelta(hours=8),
        ended_at=start + lasts if lasts else None,
    )
    Participant.objects.create(
        visit=visit,
        person=authorization.account,
        name=authorization.account.name,
        role=Participant.Role.PROVIDER,
        is_host=True,
        joined_at=start,
    )
    return visit


def history(client, **query):
    return client.get("/sessions/", query)


def names(response):
    return [row.name for row in response.context["rows"]]


def test_nothing_yet_says_what_will_stand_there(sign_in, provider):
    page = history(sign_in(provider))
    assert b"No sessions yet" in page.content
    assert b"<table" not in page.content


def test_the_history_holds_hosted_and_joined_sessions_latest_first(
    sign_in, phone, provider, tablet, outsider
):
    make_visit(phone, "Older", ago=dt.timedelta(days=2), lasts=dt.timedelta(minutes=65))
    joined = make_visit(tablet, "Joined", ago=dt.timedelta(days=1))
    Participant.objects.create(visit=joined, person=provider, name=provider.name, role="provider")
    make_visit(tablet, "Foreign")
    make_visit(phone, "Running")

    page = history(sign_in(provider))
    assert names(page) == ["Running", "Joined", "Older"]
    assert [row.status for row in page.context["rows"]] == ["Active", "Expired", "Ended"]
    assert [row.duration for row in page.context["rows"]] == ["Under a minute", "8 h", "1 h 5 min"]
    own = "iPhone 15 Pro · iOS 17.4"
    assert [row.device for row in page.context["rows"]] == [own, "", own]
    assert b"Foreign" not in page.content


@pytest.mark.parametrize("role", ["colleague", "admin", "patient", "outsider", "support"])
def test_others_see_nothing_of_it(sign_in, phone, request, role):
    visit = make_visit(phone, "Secret name")
    client = sign_in(request.getfixturevalue(role))
    assert b"Secret name" not in history(client).content
    foreign = client.get(f"/sessions/{visit.pk}/")
    missing = client.get(f"/sessions/{uuid.uuid4()}/")
    assert (foreign.status_code, missing.status_code) == (404, 404)
    assert b"Secret name" not in foreign.content


def test_nobody_is_sent_to_sign_in(client, phone):
    for path in ("/sessions/", f"/sessions/{make_visit(phone).pk}/"):
        response = client.get(path)
        assert response.status_code == 302
        assert response["Location"].startswith("/accounts/login/")


def test_pages_are_read_only(sign_in, provider, phone):
    for path in ("/sessions/", f"/sessions/{make_visit(phone).pk}/"):
        assert sign_in(provider).post(path).status_code == 405


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["Running", "Yesterday", "Old"]),
        ({"status": "active"}, ["Running"]),
        ({"status": "ended"}, ["Yesterday"]),
        ({"status": "expired"}, ["Old"]),
        ({"mode": "shared_device"}, ["Old"]),
        ({"period": "day"}, ["Running"]),
        ({"period": "week"}, ["Running", "Yesterday"]),
        ({"period": "month"}, ["Running", "Yesterday", "Old"]),
        ({"period": "week", "status": "expired"}, []),
        ({"status": "nonsense", "mode": "\0"}, ["Running", "Yesterday", "Old"]),
    ],
)
def test_filters_narrow_down(sign_in, phone, provider, query, found):
    provider.time_zone = "Pacific/Auckland"
    provider.save()
    make_visit(phone, "Old", ago=dt.timedelta(days=20), mode="shared_device")
    make_visit(phone, "Yesterday", ago=dt.timedelta(days=1), lasts=dt.timedelta(minutes=5))
    make_visit(phone, "Running")
    page = history(sign_in(provider), **query)
    assert names(page) == found
    if not found:
        assert b"No session fits" in page.content


def test_pages_are_walked_in_both_directions_with_their_filter(sign_in, phone, provider):
    for number in range(120):
        make_visit(phone, f"Visit {number:03}", ago=dt.timedelta(minutes=number))
    client = sign_in(provider)
    first = history(client, mode="two_device")
    second = client.get("/sessions/" + first.context["page"].next_url)
    third = client.get("/sessions/" + second.context["page"].next_url)
    assert [len(names(page)) for page in (first, second, third)] == [50, 50, 20]
    assert "mode=two_device" in second.context["page"].next_url
    assert third.context["page"].next_url is None
    back = client.get("/sessions/" + third.context["page"].previous_url)
    assert names(back) == names(second)


def test_the_number_of_queries_is_that_of_few(sign_in, phone, provider):
    client = sign_in(provider)

    def count():
        with CaptureQueriesContext(connection) as queries:
            assert history(client).status_code == 200
        return len(queries)

    for _ in range(5):
        make_visit(phone)
    history(client)  # the first page of a sign-in notes the browser
    few = count()
    for _ in range(495):
        make_visit(phone)
    assert count() == few


def test_names_are_printed_as_text(sign_in, phone, provider):
    visit = make_visit(phone, "<script>alert(1)</script>")
    for path in ("/sessions/", f"/sessions/{visit.pk}/"):
        assert b"<script>alert" not in sign_in(provider).get(path).content


def test_the_detail_tells_utc_and_local_time_side_by_side(sign_in, phone, provider):
    provider.time_zone = "Europe/Warsaw"
    provider.date_locale = "pl_PL"
    provider.save()
    visit = make_visit(phone, lasts=dt.timedelta(minutes=12))
    start = dt.datetime(2026, 1, 15, 23, 30, tzinfo=dt.UTC)
    Visit.objects.filter(pk=visit.pk).update(
        started_at=start, ended_at=start + dt.timedelta(minutes=12), expires_at=start + dt.timedelta(hours=8)
    )
    Participant.objects.create(visit=visit, name="Marek", role="patient")
    Participant.objects.create(visit=visit, name="", role="other")
    text = sign_in(provider).get(f"/sessions/{visit.pk}/").content.decode()
    for fact in ("15 sty 2026, 23:30 UTC", "16 sty 2026, 00:30 Europe/Warsaw", "ABCDEF", "12 min",
                 "Two-Device", "Ended", "Paula Provider", "Marek", "Patient", "Guest"):  # fmt: skip
        assert fact in text


def test_a_patient_reads_the_session_that_they_took_part_in(sign_in, phone, patient):
    visit = make_visit(phone)
    Participant.objects.create(visit=visit, person=patient, name=patient.name, role="patient")
    assert sign_in(patient).get(f"/sessions/{visit.pk}/").status_code == 200
    assert names(history(sign_in(patient))) == ["Visit"]


def test_recent_is_two_queries(phone, provider, django_assert_num_queries):
    for number in range(12):
        make_visit(phone, str(number), ago=dt.timedelta(minutes=number))
    with django_assert_num_queries(2):
        assert [row.name for row in reads.recent(provider)] == [str(number) for number in range(8)]


def test_days_are_those_of_the_time_zone(phone, provider, tablet):
    warsaw = zoneinfo.ZoneInfo("Europe/Warsaw")
    for start in ("2026-03-01T22:59", "2026-03-01T23:00", "2026-03-02T12:00"):
        at = dt.datetime.fromisoformat(start).replace(tzinfo=dt.UTC)
        visit = make_visit(phone)
        Visit.objects.filter(pk=visit.pk).update(started_at=at, expires_at=at + dt.timedelta(hours=8))
    make_visit(tablet)
    first, last = dt.date(2026, 3, 1), dt.date(2026, 3, 3)
    assert reads.per_day(provider, first, last, warsaw) == [
        (dt.date(2026, 3, 1), 1),
        (dt.date(2026, 3, 2), 2),
        (dt.date(2026, 3, 3), 0),
    ]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "Under a minute"), (60, "1 min"), (3600, "1 h"), (3899, "1 h 4 min")]
)
def test_durations_read_as_people_say_them(seconds, text):
    assert duration(dt.timedelta(seconds=seconds)) == text


def test_a_session_started_by_the_action_stands_in_the_history(sign_in, phone, provider):
    visits.start(visits.Wanted("Intake", "two_device"), authorization=phone, origin=ORIGIN)
    assert names(history(sign_in(provider))) == ["Intake"]


def test_a_revoked_device_keeps_its_name_in_the_history(sign_in, phone, provider):
    make_visit(phone)
    phone.revoke(by=provider, reason=phone.RevokedReason.SELF)
    assert history(sign_in(provider)).context["rows"][0].device == "iPhone 15 Pro · iOS 17.4"
