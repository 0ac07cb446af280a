"""The three services, started once for each file; each test finds them empty, and our side without tokens."""

import datetime as dt
import json
import os
import uuid

import pytest
from django.utils import timezone

from devices.push_services import PushAlert, apns, calls, fcm, webpush
from tests.push_services import http2
from tests.push_services.fakes import Apple, Google, PushService


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    """A server's side of TLS that our clients trust."""
    file, context = http2.certificate(tmp_path_factory.mktemp("tls"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", os.fspath(file))
        yield context


@pytest.fixture(scope="module")
def services(tls):
    made = Apple(tls), Google(tls), PushService(tls)
    for one in made:
        one.server.start()
    yield made
    calls.close()
    for one in made:
        one.server.stop()


@pytest.fixture(autouse=True)
def fresh():
    """No token and no connection of another test."""
    for kept in (apns.tokens, fcm.tokens, webpush.signatures):
        kept.clear()
    yield
    calls.close()


@pytest.fixture
def apple(services, settings) -> Apple:
    return _ready(services[0], settings, services[0].settings())


@pytest.fixture
def google(services, settings) -> Google:
    found = services[1]
    return _ready(
        found,
        settings,
        {"FCM_CREDENTIALS": json.dumps(found.account()), "FCM_API_BASE": found.server.origin},
    )


@pytest.fixture
def push_service(services, settings) -> PushService:
    return _ready(services[2], settings, services[2].settings())


def _ready(service, settings, values):
    service.forget()
    for name, value in values.items():
        setattr(settings, name, value)
    return service


@pytest.fixture
def alert() -> PushAlert:
    return an_alert()


def an_alert(**changes) -> PushAlert:
    session = uuid.UUID("7d0c5a57-6b0c-4f0e-9a51-0d9f0f5f8a11")
    values = {
        "id": uuid.uuid4(),
        "kind": "participant_joined",
        "title": "Somebody joined",
        "body": "A participant joined your session. Zażółć gęślą jaźń.",
        "path": f"/sessions/{session}/live/",
        "collapse_id": "c" * 32,
        "expires_at": timezone.now() + dt.timedelta(minutes=10),
        "session_id": session,
    }
    return PushAlert(**{**values, **changes})
