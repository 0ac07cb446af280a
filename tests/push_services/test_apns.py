"""Pushes to Apple's devices, before a server that checks what Apple documents."""

import datetime as dt
import uuid

import pytest

from devices.push_services import Unregistered, apns, kept, send
from medimic.outbox.registry import Refused, Retry, Unreachable
from tests.push_services.conftest import an_alert
from tests.push_services.http2 import reply_json

pytestmark = pytest.mark.once
TOKEN = "0a" * 32


@pytest.fixture
def phone(apple) -> str:
    apple.devices[TOKEN] = "here"
    return TOKEN


def provider_tokens(apple) -> set[str]:
    return {request.headers["authorization"] for request in apple.server.requests}


def test_an_alert_arrives_with_all_that_apple_asks_for(apple, phone, alert):
    send("apns", phone, alert)
    [request] = apple.taken
    assert request.json() == {
        "aps": {"alert": {"title": alert.title, "body": alert.body}, "sound": "default"},
        "kind": alert.kind,
        "session_id": str(alert.session_id),
    }
    sent = {name: value for name, value in request.headers.items() if name.startswith("apns-")}
    assert sent == {
        "apns-id": str(alert.id),
        "apns-topic": apple.TOPIC,
        "apns-push-type": "alert",
        "apns-priority": "10",
        "apns-expiration": str(int(alert.expires_at.timestamp())),
        "apns-collapse-id": alert.collapse_id,
    }


def test_200_alerts_go_over_one_connection_with_one_token(apple, phone):
    for _ in range(200):
        send("apns", phone, an_alert())
    assert len(apple.taken) == 200
    assert apple.server.connections == 1
    assert len(provider_tokens(apple)) == 1


def test_the_token_is_made_anew_after_forty_minutes(apple, phone, alert, monkeypatch):
    start = kept.now()
    for minutes, tokens in ((0, 1), (39, 1), (41, 2), (80, 2)):
        monkeypatch.setattr(kept, "now", lambda minutes=minutes: start + minutes * 60)
        apple.skew = minutes * 60
        send("apns", phone, alert)
        assert len(provider_tokens(apple)) == tokens


def test_a_token_that_apple_calls_expired_is_made_anew_once(apple, phone, alert, monkeypatch):
    start = kept.now()
    monkeypatch.setattr(kept, "now", lambda: start - 2 * 3600)
    send_refused = pytest.raises(Unreachable, match="403 ExpiredProviderToken")
    with send_refused:
        send("apns", phone, alert)
    assert len(apple.server.requests) == 2
    monkeypatch.setattr(kept, "now", lambda: start)
    # Made while the clock was wrong, and still "good".
    assert apns.tokens.get(apns._key(), lambda: ("", 0.0)) == ""
    send("apns", phone, alert)
    assert len(apple.taken) == 1


@pytest.mark.parametrize("state", ["gone", "never seen"])
def test_a_dead_token_is_told_of(apple, alert, state):
    apple.devices[TOKEN] = state
    with pytest.raises(Unregistered):
        send("apns", TOKEN, alert)
    assert len(apple.server.requests) == 1


def test_what_cannot_be_a_token_is_dead_without_asking(apple, alert):
    for token in ("../3/device/aa", "aa?x=1", "zz", "aa\r\nx: y"):
        with pytest.raises(Unregistered):
            send("apns", token, alert)
    assert apple.server.requests == []


@pytest.mark.parametrize(
    ("status", "reason", "expected"),
    [
        (400, "BadCollapseId", Refused),
        (413, "PayloadTooLarge", Refused),
        (404, "BadPath", Refused),
        (400, "DeviceTokenNotForTopic", Retry),
        (400, "TopicDisallowed", Unreachable),
        (403, "InvalidProviderToken", Unreachable),
        (403, "<b>Planted</b>", Unreachable),
        (410, "ExpiredToken", Unregistered),
        (429, "TooManyRequests", Retry),
        (429, "TooManyProviderTokenUpdates", Unreachable),
        (500, "InternalServerError", Unreachable),
        (503, "Shutdown", Unreachable),
    ],
)
def test_each_refusal_has_its_consequence(apple, phone, alert, status, reason, expected):
    apple.server.next.append(reply_json(status, {"reason": reason}, **{"retry-after": "77"}))
    with pytest.raises(expected) as caught:
        send("apns", phone, alert)
    assert caught.type is expected
    assert "Planted" not in str(caught.value)
    if status in (429, 500, 503) and "Token" not in reason:
        assert caught.value.after == dt.timedelta(seconds=77)
    assert apple.taken == []


def test_a_refusal_quotes_neither_token_nor_words(apple, phone):
    alert = an_alert(title="Planted title", body="Planted body", id=uuid.uuid4())
    apple.server.next.append(reply_json(400, {"reason": "PayloadEmpty"}))
    with pytest.raises(Refused) as caught:
        send("apns", phone, alert)
    assert str(caught.value) == "APNs answered 400 PayloadEmpty"


def test_a_key_that_is_none_waits_to_be_mended(apple, phone, alert, settings):
    settings.APNS_KEY = "-----BEGIN PRIVATE KEY-----\nplanted\n-----END PRIVATE KEY-----"
    with pytest.raises(Unreachable, match="APNS_KEY") as caught:
        send("apns", phone, alert)
    assert "planted" not in str(caught.value)
    assert apple.server.requests == []
