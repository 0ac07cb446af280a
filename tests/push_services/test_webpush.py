"""Pushes to browsers, before a service that checks what the standards ask for."""

import datetime as dt
import json

import pytest

from devices.push_services import Unregistered, is_well_formed, kept, send, service_name, webpush
from medimic.outbox.registry import Refused, Retry, Unreachable
from tests.push_services.conftest import an_alert
from tests.push_services.http2 import Reply
from tests.push_services.receiving import Browser, b64

pytestmark = pytest.mark.once


@pytest.fixture
def browser(push_service) -> Browser:
    return push_service.subscribe()


def test_an_alert_arrives_and_only_the_browser_can_read_it(push_service, browser, alert):
    send("webpush", browser.token, alert)
    [request] = push_service.taken
    assert json.loads(browser.read(request.body)) == {
        "id": str(alert.id),
        "kind": alert.kind,
        "title": alert.title,
        "body": alert.body,
        "tag": alert.collapse_id,
        "path": alert.path,
    }
    assert alert.title.encode() not in request.body
    assert request.headers["topic"] == alert.collapse_id
    assert request.headers["urgency"] == "high"
    assert 590 <= int(request.headers["ttl"]) <= 600


def test_the_length_tells_nothing_of_what_is_said(push_service, browser):
    for body in ("Short.", "Longer words in another language, and many more of them. " * 5):
        send("webpush", browser.token, an_alert(body=body))
    assert len({len(request.body) for request in push_service.taken}) == 1


def test_50_alerts_go_over_one_connection_with_one_signature(push_service, browser):
    for _ in range(50):
        send("webpush", browser.token, an_alert())
    assert len(push_service.taken) == 50
    assert push_service.server.connections == 1
    assert len({request.headers["authorization"] for request in push_service.taken}) == 1


def test_no_two_bodies_share_a_key(push_service, browser, alert):
    for _ in range(3):
        send("webpush", browser.token, alert)
    assert len({request.body[:86] for request in push_service.taken}) == 3


def test_a_signature_is_made_anew_after_six_hours(push_service, browser, alert, monkeypatch):
    start = kept.now()
    for hours, expected in ((0, 1), (5.9, 1), (6.1, 2)):
        monkeypatch.setattr(kept, "now", lambda hours=hours: start + hours * 3600)
        send("webpush", browser.token, alert)
        assert len({request.headers["authorization"] for request in push_service.taken}) == expected


def test_what_is_late_is_kept_nowhere(push_service, browser):
    send("webpush", browser.token, an_alert(expires_at=dt.datetime(2020, 1, 1, tzinfo=dt.UTC)))
    assert push_service.taken[0].headers["ttl"] == "1"


@pytest.mark.parametrize("state", ["gone", "never seen"])
def test_a_dead_subscription_is_told_of(push_service, browser, alert, state):
    push_service.devices[browser.path] = state
    with pytest.raises(Unregistered):
        send("webpush", browser.token, alert)


@pytest.mark.parametrize(
    ("status", "expected"),
    [(400, Refused), (413, Refused), (301, Refused), (401, Retry), (403, Retry), (406, Retry), (429, Retry),
     (500, Unreachable), (503, Unreachable)],
)  # fmt: skip
def test_each_refusal_has_its_consequence(push_service, browser, alert, status, expected):
    elsewhere = {"retry-after": "77", "location": f"{push_service.server.origin}/elsewhere"}
    push_service.server.next.append(Reply(status, b"", elsewhere))
    with pytest.raises(expected) as caught:
        send("webpush", browser.token, alert)
    assert caught.type is expected
    assert browser.path not in str(caught.value)
    if status in (406, 429, 500, 503):
        assert caught.value.after == dt.timedelta(seconds=77)
    # A redirect is not followed.
    assert len(push_service.server.requests) == 1


def test_a_browser_that_subscribed_with_another_key_stays_in_routing(push_service, browser, alert, settings):
    send("webpush", browser.token, alert)
    settings.VAPID_SUBJECT = "mailto:else@medimic.example"
    with pytest.raises(Retry) as caught:
        send("webpush", browser.token, alert)
    assert caught.type is Retry


def endpoint(address: str) -> str:
    return json.dumps({**json.loads(Browser("https://x.example/").token), "endpoint": address})


@pytest.mark.parametrize(
    "address",
    [
        "https://fcm.googleapis.com/fcm/send/abc:APA91b",
        "https://updates.push.services.mozilla.com/wpush/v2/gAAAA",
        "https://db5p.notify.windows.com/w/?token=BQYAAA%2b%3d",
        "https://web.push.apple.com/QGuQyavXutnMH",
        "https://web.push.apple.com:443/QGuQyavXutnMH",
    ],
)
def test_the_services_of_todays_browsers_are_called(address):
    assert is_well_formed("webpush", endpoint(address))


@pytest.mark.parametrize(
    "address",
    [
        "http://fcm.googleapis.com/x",
        "https://fcm.googleapis.com:8443/x",
        "https://fcm.googleapis.com",
        "https://fcm.googleapis.com.evil.example/x",
        "https://evilfcm.googleapis.com/x",
        "https://evil.example/fcm.googleapis.com/",
        "https://fcm.googleapis.com@evil.example/x",
        "https://user:password@fcm.googleapis.com/x",
        "https://evil.example\\@fcm.googleapis.com/x",
        "https://evil.example#@fcm.googleapis.com/x",
        "https://evil.example?@fcm.googleapis.com/x",
        "https://fcm.googleapis.com/x#fragment",
        "https://FCM.googleapis.com/x",
        "https://fcm.googleapis.com./x",
        "https://notify.windows.com/x",
        "https://evilnotify.windows.com/x",
        "https://127.0.0.1/x",
        "https://2130706433/x",
        "https://0x7f.1/x",
        "https://[::1]/x",
        "https://169.254.169.254/latest/meta-data/",
        "https://localhost/x",
        "https://fcm.googleapis.com/x\r\nHost: evil.example",
        "https://fcm.googleapis.com/x y",
        "https://fcm.googleapis.com/ż",
        "//fcm.googleapis.com/x",
        "file:///etc/passwd",
        "",
        "https://fcm.googleapis.com/" + "x" * 3000,
    ],
)
def test_no_other_host_is_ever_called(address, settings, push_service, alert):
    settings.WEBPUSH_HOSTS = ["fcm.googleapis.com", "*.notify.windows.com"]
    token = endpoint(address)
    assert not is_well_formed("webpush", token)
    with pytest.raises((Unregistered, Refused)):
        send("webpush", token, alert)
    assert push_service.server.requests == []


GOOD = json.loads(Browser("https://fcm.googleapis.com/x").token)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "null",
        "[]",
        "[" * 4000,
        "0a0a0a",
        json.dumps({}),
        json.dumps({**GOOD, "more": 1}),
        json.dumps({**GOOD, "auth": 1}),
        json.dumps({**GOOD, "auth": b64(b"short")}),
        json.dumps({**GOOD, "auth": "+" * 22}),
        json.dumps({**GOOD, "p256dh": b64(bytes(65))}),
        json.dumps({**GOOD, "p256dh": b64(b"\x04" + b"\x01" * 64)}),
    ],
)
def test_what_is_no_subscription_is_dead_without_asking(token, push_service, alert):
    assert not is_well_formed("webpush", token)
    with pytest.raises(Unregistered) as caught:
        send("webpush", token, alert)
    assert str(caught.value) == "it is no subscription of a browser"
    assert push_service.server.requests == []


def test_a_subscription_is_kept_as_one_string_without_blanks():
    browser = Browser("https://fcm.googleapis.com/x")
    token = webpush.token_of(browser.endpoint, b64(browser.point), b64(browser.auth))
    assert token == browser.token
    assert token.isascii()
    assert " " not in token
    assert webpush.subscription(token).auth == browser.auth


def test_failures_are_counted_for_each_service(push_service, browser, settings):
    assert service_name("webpush", browser.token) == "webpush:localhost"
    assert service_name("webpush", endpoint("https://web.push.apple.com/x")) == "webpush:web.push.apple.com"
    assert service_name("webpush", "nothing") == "webpush"
    assert len(service_name("webpush", endpoint(f"https://{'a' * 200}.example/x"))) == 100


def test_the_public_key_is_the_private_ones_and_nothing_without_it(settings):
    settings.VAPID_PRIVATE_KEY = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
    settings.VAPID_SUBJECT = "mailto:push@medimic.example"
    of_the_standard = (
        "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8"
    )
    assert webpush.public_key() == of_the_standard
    settings.VAPID_SUBJECT = ""
    assert webpush.public_key() == ""
    settings.VAPID_PRIVATE_KEY, settings.VAPID_SUBJECT = "nonsense", "mailto:push@medimic.example"
    assert webpush.public_key() == ""
