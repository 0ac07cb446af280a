"""The calls of the API about sessions, from outside."""

import json
import uuid
from typing import get_args

import pytest
from django.utils import timezone

from devices import actions, tokens
from medimic.audit.log import SYSTEM
from sessions_app.models import Participant, Visit
from sessions_app.schemas import Mode, Status
from tests.answers import told
from tests.devices.kit import call, device_in, facts, link_for, token_in
from tests.sessions_app.conftest import make_authorization

pytestmark = pytest.mark.django_db
START = {"name": "Visit", "mode": "two_device"}


def access_token(authorization):
    return tokens.issue_pair(authorization).access_token


def start(token, **changes):
    response = call("post", "sessions", START | changes, token=token)
    assert response.status_code == 201, response.content
    return response.json()


def refused(response, status, code):
    document = json.loads(response.content)
    assert (response.status_code, document["code"]) == (status, code), document
    return document


@pytest.fixture
def token(phone):
    return access_token(phone)


def test_a_session_is_started_read_listed_and_ended(token, clinic):
    started = start(token)
    assert started["status"] == "active"
    assert started["is_host"]
    assert started["organization_id"] == str(clinic.pk)
    assert started["tokens"] is None
    session = {name: value for name, value in started.items() if name not in ("session_token", "tokens")}
    path = f"sessions/{started['id']}"
    assert call("get", path, token=token).json() == session
    assert call("get", "sessions", token=token).json() == {"sessions": [session], "next": None}
    ended = call("post", f"{path}/end", token=token).json()
    assert (ended["status"], ended["is_host"]) == ("ended", True)
    assert call("post", f"{path}/end", token=token).json() == ended


def test_the_session_token_reads_and_ends_its_own_session_alone(token):
    started, other = start(token), start(token)
    own = started["session_token"]
    assert call("get", f"sessions/{started['id']}", token=own).status_code == 200
    refused(call("get", f"sessions/{other['id']}", token=own), 404, "not_found")
    refused(call("get", "sessions", token=own), 401, "token_unknown")
    refused(call("post", "sessions", START, token=own), 401, "token_unknown")
    assert call("post", f"sessions/{started['id']}/end", token=own).status_code == 200
    refused(call("get", f"sessions/{started['id']}", token=own), 401, "token_ended")
    refused(call("post", f"sessions/{other['id']}/end", token=own), 401, "token_ended")


def test_a_foreign_session_is_not_told_from_a_missing_one(token, tablet):
    foreign = start(access_token(tablet))["id"]
    for action in ("", "/end"):
        verb = "post" if action else "get"
        answers = [call(verb, f"sessions/{one}{action}", token=token) for one in (foreign, uuid.uuid4())]
        assert told(answers[0]) == told(answers[1])
        refused(answers[0], 404, "not_found")
    assert call("get", "sessions", token=token).json()["sessions"] == []


def test_whoever_took_part_reads_and_does_not_end(token, colleague):
    session_id = start(token)["id"]
    Participant.objects.create(
        visit_id=session_id, person=colleague, name=colleague.name, role=Participant.Role.PROVIDER
    )
    theirs = access_token(make_authorization(colleague))
    assert not call("get", f"sessions/{session_id}", token=theirs).json()["is_host"]
    assert len(call("get", "sessions", token=theirs).json()["sessions"]) == 1
    refused(call("post", f"sessions/{session_id}/end", token=theirs), 403, "host_only")
    assert Visit.objects.get().ended_at is None


def test_a_colleague_who_took_no_part_sees_nothing(token, colleague, admin):
    session_id = start(token)["id"]
    for person in (colleague, admin):
        theirs = access_token(make_authorization(person))
        refused(call("get", f"sessions/{session_id}", token=theirs), 404, "not_found")


def test_revoking_cuts_the_device_off_and_leaves_the_session(phone, token, provider):
    started = start(token)
    phone.revoke(by=provider, reason=phone.RevokedReason.SELF)
    for bearer in (token, started["session_token"]):
        refused(call("get", f"sessions/{started['id']}", token=bearer), 401, "device_revoked")
    refused(call("post", "sessions", START, token=token), 401, "device_revoked")
    another = access_token(make_authorization(provider))
    assert call("get", f"sessions/{started['id']}", token=another).status_code == 200


def test_a_guest_starts_with_the_description_of_its_device(client):
    body = START | {"device": facts()}
    answer = call("post", "sessions", body).json()
    token = answer["tokens"]["access_token"]
    assert call("get", "device", token=token).json()["model"] == "iPhone 15 Pro"
    assert [one["id"] for one in call("get", "sessions", token=token).json()["sessions"]] == [answer["id"]]
    assert call("post", f"sessions/{answer['id']}/end", token=token).json()["status"] == "ended"


def test_a_guest_that_knows_a_device_id_reads_nothing_of_it():
    body = START | {"device": facts()}
    first, second = (call("post", "sessions", body).json() for _ in range(2))
    token = second["tokens"]["access_token"]
    refused(call("get", f"sessions/{first['id']}", token=token), 404, "not_found")
    refused(call("post", f"sessions/{first['id']}/end", token=token), 404, "not_found")
    # The device is the same, and one guest uses it: the earlier one gave way.
    refused(call("get", "sessions", token=first["tokens"]["access_token"]), 401, "device_revoked")


def test_a_guest_that_knows_the_device_id_of_an_account_reads_nothing_of_it(provider):
    identity = facts()
    signed_in = actions.log_in(
        token=token_in(link_for(provider).link), device=device_in(**identity), origin=SYSTEM
    )
    own = start(signed_in.tokens.access_token)
    answer = call("post", "sessions", START | {"device": identity}).json()
    guest = answer["tokens"]["access_token"]
    assert [one["id"] for one in call("get", "sessions", token=guest).json()["sessions"]] == [answer["id"]]
    refused(call("get", f"sessions/{own['id']}", token=guest), 404, "not_found")
    assert call("get", "sessions", token=signed_in.tokens.access_token).status_code == 200


@pytest.mark.parametrize("with_token", [True, False])
def test_a_call_is_a_devices_or_a_guests_and_never_both(token, with_token):
    body = START | ({"device": facts()} if with_token else {})
    refused(call("post", "sessions", body, token=token if with_token else ""), 422, "guest_device_needed")


def test_another_scheme_is_not_taken_for_a_guest(client):
    response = client.post(
        "/api/sessions",
        START | {"device": facts()},
        content_type="application/json",
        headers={"Authorization": "Basic eDp5"},
    )
    refused(response, 422, "guest_device_needed")


def test_the_idempotency_key_is_a_header(client, token):
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "0d9c"}
    first, second = (
        client.post("/api/sessions", START, content_type="application/json", headers=headers)
        for _ in range(2)
    )
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] == second.json()["id"]
    assert first.json()["session_token"] != second.json()["session_token"]
    other = client.post(
        "/api/sessions", START | {"name": "Other"}, content_type="application/json", headers=headers
    )
    refused(other, 422, "idempotency_mismatch")


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 129, "é", "a\0"])
def test_a_key_of_another_form_is_refused(client, token, key):
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
    response = client.post("/api/sessions", START, content_type="application/json", headers=headers)
    document = refused(response, 422, "invalid_content")
    assert document["errors"][0]["field"] == "Idempotency-Key"


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"name": "   "},
        {"name": "a\0b"},
        {"name": "a\nb"},
        {"name": "\ud800"},
        {"name": "\u202eevil"},
        {"name": "x" * 121},
        {"name": 7},
        {"mode": "three_device"},
        {"mode": None},
        {"organization_id": 5},
        {"organization_id": "x"},
        {"host": "somebody"},
        {"started_at": "2020-01-01"},
        {"status": "ended"},
        {"code": "AAAAAA"},
    ],
)
def test_what_is_wrong_or_not_the_callers_to_say_is_refused(token, change):
    refused(call("post", "sessions", START | change, token=token), 422, "invalid_content")
    assert not Visit.objects.exists()


def test_quota_problem_names_plan_quota_use_and_way_out(client):
    body = START | {"device": facts()}
    for _ in range(3):
        assert call("post", "sessions", body).status_code == 201
    document = refused(call("post", "sessions", body), 409, "quota_exceeded")
    assert (document["plan"], document["quota"], document["used"]) == ("guest", 3, 3)
    assert document["upgrade_url"].endswith("/billing/")


def test_the_list_is_read_to_its_end_by_cursor(phone, token, monkeypatch):
    monkeypatch.setattr("sessions_app.api.PAGE_SIZE", 2)
    started = [start(token)["id"] for _ in range(5)]
    seen, after = [], ""
    while after is not None:
        page = call("get", f"sessions?after={after}" if after else "sessions", token=token).json()
        seen += [one["id"] for one in page["sessions"]]
        after = page["next"]
    assert seen == started[::-1]


@pytest.mark.parametrize("after", ["x", "", "%00", "W10", "é", "a" * 600])
def test_a_mangled_cursor_is_refused(token, after):
    assert call("get", f"sessions?after={after}", token=token).status_code in (404, 422)


def test_an_expired_session_reads_expired_to_the_second(token):
    session_id = start(token)["id"]
    Visit.objects.filter(pk=session_id).update(expires_at=timezone.now())
    assert call("get", f"sessions/{session_id}", token=token).json()["status"] == "expired"
    assert call("post", f"sessions/{session_id}/end", token=token).json()["status"] == "expired"


@pytest.mark.parametrize("rows", [1, 40])
def test_the_list_costs_the_same_for_many(token, rows, django_assert_num_queries):
    for _ in range(rows):
        start(token)
    call("get", "sessions", token=token)
    with django_assert_num_queries(3):
        call("get", "sessions", token=token)


def test_the_api_knows_the_models_modes_and_statuses():
    assert get_args(Mode) == tuple(Visit.Mode.values)
    assert get_args(Status) == tuple(Visit.Status.values)
