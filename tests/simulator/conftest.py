import base64
import os
from urllib.parse import urlsplit

import httpx2
import pytest
from django.core.cache import cache
from django.test import Client

from devices import actions
from medimic.audit.log import Origin
from medimic.audit.models import ActorKind
from medimic.simulator import command
from medimic.simulator.connection import Connection
from medimic.simulator.keychain import Keychain
from medimic.simulator.phone import Phone
from tests.simulator import phones


class Portal(httpx2.BaseTransport):
    """The portal in this very process. It can lose the answers of the next calls."""

    def __init__(self):
        self.client = Client()
        self.lost = 0
        self.requests = []

    def handle_request(self, request):
        self.requests.append(request)
        headers = {f"HTTP_{name.upper().replace('-', '_')}": text for name, text in request.headers.items()}
        answer = self.client.generic(
            request.method,
            request.url.raw_path.decode(),
            request.read(),
            content_type=headers.pop("HTTP_CONTENT_TYPE", ""),
            **headers,
        )
        if self.lost:
            self.lost -= 1
            raise httpx2.ReadTimeout("lost on the way", request=request)
        return httpx2.Response(
            answer.status_code, headers=dict(answer.headers), content=answer.content, request=request
        )


@pytest.fixture
def portal(db):
    return Portal()


@pytest.fixture
def make_phone(portal, tmp_path):
    def make(name="phone", **facts):
        keychain = Keychain.open(tmp_path / f"{name}.json")
        keychain.facts = {**command.DEFAULTS, **keychain.facts, **facts}
        return Phone(keychain, Connection("http://localhost:8000", "MediMic/3.2.0", portal))

    return make


@pytest.fixture
def phone(make_phone):
    return make_phone()


@pytest.fixture
def crypto_keys():
    return [base64.b64decode(os.environ["CRYPTO_KEY"])]


@pytest.fixture
def link_for(db):
    def issue(person):
        return actions.issue_link(account=person, by=person, origin=Origin(ActorKind.PERSON, person.pk)).link

    return issue


@pytest.fixture
def live_phone(live_server, settings, tmp_path):
    """`live_phone("host")`: speaks to the portal over a real connection."""
    cache.clear()
    settings.PORTAL_URL = f"http://localhost:{urlsplit(live_server.url).port}"
    return lambda name: phones.Phone(settings.PORTAL_URL, tmp_path / f"{name}.json")
