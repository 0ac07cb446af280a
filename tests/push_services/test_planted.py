"""What a push must not tell is looked for everywhere, in five spellings of it."""

import base64
import logging
import urllib.parse

import pytest

from devices.push_services import Unregistered, send
from medimic.outbox.registry import Refused, Retry
from tests.push_services.conftest import an_alert
from tests.push_services.http2 import Reply

pytestmark = pytest.mark.once
TITLE, BODY = "Planted Jadwiga", "Planted: the words of an alert"


def spellings(planted: str) -> list[str]:
    raw = planted.encode()
    return [
        planted,
        urllib.parse.quote(planted),
        raw.hex(),
        base64.b64encode(raw).decode().rstrip("="),
        base64.urlsafe_b64encode(raw).decode().rstrip("="),
    ]


@pytest.fixture
def everything(caplog):
    """All that is logged below the portal and its libraries, as the settings would let through."""
    with caplog.at_level(logging.DEBUG):
        yield caplog


def test_no_log_and_no_reason_holds_token_key_or_words(apple, google, push_service, everything):
    browser = push_service.subscribe()
    phones = {"apns": "0a" * 32, "fcm": "planted-token:APA91b", "webpush": browser.token}
    apple.devices[phones["apns"]] = google.devices[phones["fcm"]] = "here"
    servers = {"apns": apple.server, "fcm": google.server, "webpush": push_service.server}
    reasons = []
    for service, token in phones.items():
        alert = an_alert(title=TITLE, body=BODY)
        send(service, token, alert)
        for status in (410, 403, 503, 429):
            servers[service].next.append(Reply(status, f'{{"reason": "{TITLE}"}}'.encode()))
            with pytest.raises((Retry, Refused, Unregistered)) as caught:
                send(service, token, alert)
            reasons.append(str(caught.value))
    secrets = [TITLE, BODY, phones["apns"], phones["fcm"], browser.path, "Bearer", "bearer", "vapid t="]
    told = everything.text + "\n".join(reasons)
    for planted in secrets:
        for spelling in spellings(planted):
            assert spelling not in told
    assert any("APNs answered 403" in line for line in everything.messages)


def test_the_libraries_would_tell_it_all_if_they_were_let(apple, caplog):
    """What the settings keep quiet: that looking for it in the log can fail."""
    apple.devices["0a" * 32] = "here"
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, logger="hpack"):
        send("apns", "0a" * 32, an_alert())
    assert "bearer" in caplog.text


def test_only_a_browser_of_the_subscription_sees_the_words(push_service):
    browser = push_service.subscribe()
    send("webpush", browser.token, an_alert(title=TITLE, body=BODY))
    [request] = push_service.taken
    sent = repr(request)
    for planted in (TITLE, BODY, "/sessions/"):
        for spelling in spellings(planted):
            assert spelling not in sent
    assert TITLE.encode() in browser.read(request.body)
