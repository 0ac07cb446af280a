"""The history as a CSV file."""

import csv
import datetime as dt
import io
import json
import zoneinfo

import pytest
from django.test import Client

from medimic.audit.models import AuditEvent
from medimic.audit.presenters import sentence
from sessions_app import views
from sessions_app.models import Visit
from tests.devices.kit import just_now
from tests.sessions_app.test_history import attend
from tests.sessions_app.test_pages import make_visit

pytestmark = pytest.mark.django_db
PATH = "/sessions/export/"
HEADER = [
    "Session Name",
    "Session Code",
    "Start (UTC)",
    "Start (Europe/Warsaw)",
    "Duration (minutes)",
    "Mode",
    "Status",
    "Your part",
    "Device",
]


@pytest.fixture
def client_of(sign_in):
    return lambda person: just_now(sign_in(person))


@pytest.fixture(autouse=True)
def _in_warsaw(provider):
    provider.time_zone = "Europe/Warsaw"
    provider.save()


def lines(response) -> list[list[str]]:
    assert response.status_code == 200
    return list(csv.reader(io.StringIO(b"".join(response.streaming_content).decode("utf-8-sig"))))


def exports():
    return AuditEvent.objects.filter(kind="sessions.exported")


def test_the_file_tells_what_the_history_tells(client_of, provider, phone, tablet):
    visit = make_visit(phone, "Intake", ago=dt.timedelta(days=2), lasts=dt.timedelta(minutes=65))
    attend(make_visit(tablet, "Elsewhere", ago=dt.timedelta(days=3), mode="shared_device"), provider)
    make_visit(tablet, "Foreign")

    response = client_of(provider).get(PATH)
    start = visit.started_at
    local = start.astimezone(zoneinfo.ZoneInfo("Europe/Warsaw"))
    assert response["Content-Disposition"].startswith('attachment; filename="sessions-20')
    header, first, second = lines(response)
    assert header == HEADER
    assert first == [
        "Intake",
        "ABCDEF",
        f"{start:%Y-%m-%d %H:%M:%S}",
        f"{local:%Y-%m-%d %H:%M:%S}",
        "65",
        "Two-Device",
        "Ended",
        "Host",
        "iPhone 15 Pro · iOS 17.4",
    ]
    assert [second[0], *second[5:]] == ["Elsewhere", "Shared Device", "Expired", "Took part", ""]


def test_it_holds_what_the_filters_leave_in_their_order(client_of, provider, phone):
    for number in range(60):
        make_visit(phone, f"Wound check {number:02}", ago=dt.timedelta(minutes=number))
    make_visit(phone, "Wound check, one screen", mode="shared_device")
    make_visit(phone, "Intake")
    found = lines(client_of(provider).get(PATH, {"q": "wound", "mode": "two_device", "after": "x"}))
    assert [line[0] for line in found[1:]] == [f"Wound check {number:02}" for number in range(60)]


def test_the_page_links_to_the_file_of_what_it_shows(client_of, provider, phone):
    make_visit(phone, "Intake")
    client = client_of(provider)
    shown = client.get("/sessions/", {"q": "intake", "mode": "two_device", "status": ""})
    url = shown.context["export_url"]
    assert url == f"{PATH}?q=intake&mode=two_device"
    assert [line[0] for line in lines(client.get(url))[1:]] == ["Intake"]


def test_a_name_that_is_a_formula_stays_text(client_of, provider, phone):
    make_visit(phone, '=HYPERLINK("http://evil.example")')
    assert lines(client_of(provider).get(PATH))[1][0] == '\'=HYPERLINK("http://evil.example")'


def test_the_log_learns_that_there_was_an_export_and_no_name(client_of, provider, phone):
    make_visit(phone, "Secret name")
    lines(client_of(provider).get(PATH, {"q": "secret"}))
    event = exports().get()
    assert (event.person_id, event.actor_id) == (provider.pk, provider.pk)
    assert json.loads(event.details) == {"narrowed": True}
    assert sentence(event) == "Exported the session history"


def test_nothing_is_sent_that_the_log_did_not_take(client_of, provider, phone, monkeypatch):
    make_visit(phone)

    def fail(*args, **kwargs):
        raise RuntimeError("the log is full")

    monkeypatch.setattr(views, "record", fail)
    with pytest.raises(RuntimeError, match="the log is full"):
        client_of(provider).get(PATH)


def test_an_old_sign_in_is_asked_to_prove_itself_and_led_back(sign_in, provider, phone):
    response = sign_in(provider).get(PATH, {"mode": "two_device"})
    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/reauthenticate/?next=%2Fsessions%2Fexport%2F%3Fmode")
    assert not exports().exists()


def test_what_makes_no_sense_is_shown_beside_its_field(client_of, provider, phone):
    response = client_of(provider).get(PATH, {"from": "yesterday"})
    assert response["Location"] == "/sessions/?period=custom&from=yesterday"
    assert not exports().exists()


@pytest.mark.parametrize("role", ["colleague", "admin", "patient", "outsider", "support"])
def test_others_export_nothing_of_it(client_of, phone, role, request):
    make_visit(phone, "Secret name")
    found = lines(client_of(request.getfixturevalue(role)).get(PATH))
    assert len(found) == 1


def test_nobody_is_sent_to_sign_in():
    assert Client().get(PATH)["Location"].startswith("/accounts/login/")


def test_it_is_fetched_and_not_posted(client_of, provider):
    assert client_of(provider).post(PATH).status_code == 405


def test_many_are_read_in_few_queries(client_of, provider, phone, django_assert_max_num_queries):
    now = dt.datetime.now(dt.UTC)
    Visit.objects.bulk_create(
        Visit(
            name=f"Visit {number}",
            code="ABCDEF",
            mode="two_device",
            host=provider,
            authorization=phone,
            started_at=now - dt.timedelta(minutes=number),
            expires_at=now + dt.timedelta(hours=8),
        )
        for number in range(2000)
    )
    response = client_of(provider).get(PATH)
    with django_assert_max_num_queries(15):
        assert len(lines(response)) == 2001
