"""Pushes to Google's devices, before a server that checks what Google documents."""

import datetime as dt
import json

import pytest

from devices.push_services import Unregistered, fcm, kept, send
from medimic.outbox.registry import Refused, Retry, Unreachable
from tests.push_services.conftest import an_alert
from tests.push_services.http2 import Reply, reply_json

pytestmark = pytest.mark.once
NO_TOKEN = "The registration token is not a valid FCM registration token"
TOKEN = "dQw4w9WgXcQ:APA91b-phone"


@pytest.fixture
def phone(google) -> str:
    google.devices[TOKEN] = "here"
    return TOKEN


def test_an_alert_arrives_with_all_that_google_asks_for(google, phone, alert):
    send("fcm", phone, alert)
    [request] = google.taken
    message = request.json()["message"]
    ttl = message["android"].pop("ttl")
    assert 590 <= int(ttl.removesuffix("s")) <= 600
    assert message == {
        "token": phone,
        "notification": {"title": alert.title, "body": alert.body},
        "data": {
            "delivery_id": str(alert.id),
            "kind": alert.kind,
            "session_id": str(alert.session_id),
        },
        "android": {
            "collapse_key": alert.collapse_id,
            "priority": "high",
            "notification": {"tag": alert.collapse_id},
        },
    }


def test_50_alerts_go_over_one_connection_with_one_token(google, phone):
    for _ in range(50):
        send("fcm", phone, an_alert())
    assert len(google.taken) == 50
    # The endpoint of tokens has the same origin here.
    assert google.server.connections == 1
    assert google.fetched == 1


def test_a_token_is_fetched_anew_shortly_before_its_end(google, phone, alert, monkeypatch):
    start = kept.now()
    for seconds, fetched in ((0, 1), (3599 - fcm.MARGIN - 1, 1), (3599 - fcm.MARGIN + 1, 2)):
        monkeypatch.setattr(kept, "now", lambda seconds=seconds: start + seconds)
        send("fcm", phone, alert)
        assert google.fetched == fetched


def test_a_token_that_was_taken_back_is_fetched_anew_once(google, phone, alert):
    send("fcm", phone, alert)
    google.tokens.clear()
    send("fcm", phone, alert)
    assert (google.fetched, len(google.taken)) == (2, 2)


def test_an_account_that_is_refused_for_good_is_asked_twice_and_no_more(google, phone, alert):
    for _ in range(2):
        google.server.next.extend(
            [
                reply_json(200, {"access_token": "never good", "expires_in": 3599}),
                reply_json(401, {"error": {"code": 401}}),
            ]
        )
    with pytest.raises(Unreachable, match="FCM answered 401"):
        send("fcm", phone, alert)
    assert len(google.server.requests) == 4


@pytest.mark.parametrize("token", ["gone", "no token at all"])
def test_a_dead_token_is_told_of(google, alert, token):
    google.devices["gone"] = "gone"
    with pytest.raises(Unregistered):
        send("fcm", token, alert)


def error(status: int, code: str = "", message: str = "") -> Reply:
    details = [{"@type": fcm.FCM_ERROR, "errorCode": code}] if code else []
    return reply_json(status, {"error": {"message": message, "details": details}}, **{"retry-after": "77"})


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (error(400, "INVALID_ARGUMENT"), Refused),
        (error(400, "INVALID_ARGUMENT", NO_TOKEN), Unregistered),
        (error(404, "UNREGISTERED"), Unregistered),
        # The project is not there: nobody's token is at fault.
        (error(404), Unreachable),
        (error(403, "SENDER_ID_MISMATCH"), Retry),
        (error(403), Unreachable),
        (error(429, "QUOTA_EXCEEDED"), Retry),
        (error(500, "INTERNAL"), Unreachable),
        (error(503, "UNAVAILABLE"), Unreachable),
        (Reply(502, b"<!DOCTYPE html><title>Error 502</title>"), Unreachable),
        (Reply(400, b'{"error": [1]}'), Refused),
        (Reply(400, b"[" * 18_000), Refused),
    ],
)  # fmt: skip
def test_each_refusal_has_its_consequence(google, phone, alert, reply, expected):
    send("fcm", phone, alert)
    google.server.next.append(reply)
    with pytest.raises(expected) as caught:
        send("fcm", phone, alert)
    assert caught.type is expected
    if reply.status in (429, 500, 503):
        assert caught.value.after == dt.timedelta(seconds=77)
    assert len(google.taken) == 1


def test_a_minute_passes_where_google_names_no_time(google, phone, alert):
    send("fcm", phone, alert)
    google.server.next.append(reply_json(429, {}))
    with pytest.raises(Retry) as caught:
        send("fcm", phone, alert)
    assert caught.value.after == dt.timedelta(minutes=1)


@pytest.mark.parametrize(
    ("reply", "match"),
    [
        (Reply(503), "token endpoint answered 503"),
        (reply_json(400, {"error": "invalid_grant"}), "token endpoint answered 400"),
        (reply_json(200, {"access_token": None}), "token endpoint answered 200"),
    ],
)
def test_without_a_token_nothing_is_sent_and_nothing_kept(google, phone, alert, reply, match):
    google.server.next.append(reply)
    with pytest.raises(Unreachable, match=match):
        send("fcm", phone, alert)
    assert len(google.server.requests) == 1
    send("fcm", phone, alert)
    assert len(google.taken) == 1


@pytest.mark.parametrize("member", ["project_id", "client_email", "private_key", "token_uri"])
def test_half_an_account_waits_to_be_mended(google, phone, alert, settings, member):
    settings.FCM_CREDENTIALS = json.dumps(google.account() | {member: ""})
    with pytest.raises(Unreachable, match="FCM_CREDENTIALS"):
        send("fcm", phone, alert)
    assert google.server.requests == []
