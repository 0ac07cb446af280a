"""A session's page: live in a browser that takes part, a waiting room at the door, else the detail."""

import json
import re
import secrets

import pytest
from django.test import Client

from medimic.audit.log import SYSTEM
from sessions_app import visits
from sessions_app.base64url import encoded
from sessions_app.models import Participant, Visit

pytestmark = pytest.mark.django_db
NAME = "Second opinion on Mrs Ferrow"


@pytest.fixture
def host(provider, sign_in) -> Client:
    """The browser that started the session."""
    client = sign_in(provider)
    client.post(
        "/sessions/new/", {"name": NAME, "mode": "two_device", "organization": "none", "key": "k" * 43}
    )
    return client


@pytest.fixture
def visit(host) -> Visit:
    return Visit.objects.get()


def page(visit: Visit) -> str:
    return f"/sessions/{visit.pk}/"


def shown(client: Client, visit: Visit) -> str:
    return client.get(page(visit)).content.decode()


def join(client: Client, visit: Visit) -> Participant:
    wish = {
        "code": visit.code.lower(),
        "name": "Anna",
        "role": "patient",
        "key_commitment": encoded(secrets.token_bytes(32)),
    }
    assert client.post("/join/", wish).url == page(visit)
    return Participant.objects.get(is_host=False)


def settings_in(text: str) -> dict:
    return json.loads(
        re.search(r'<script id="live-settings" type="application/json">(.*?)</script>', text)[1]
    )


def test_the_host_s_browser_gets_the_live_page_with_code_and_qr(host, visit):
    answer = host.get(page(visit))
    text = answer.content.decode()
    assert "data-live" in text
    assert visit.code in text
    assert f"/join/{visit.code}/" in text
    assert 'class="qr-code"' in text
    assert settings_in(text)["participant"] == str(visit.hosting.pk)
    assert "microphone=(self)" in answer["Permissions-Policy"]


def test_no_other_page_may_listen(provider, sign_in):
    assert "microphone=()" in sign_in(provider).get("/sessions/")["Permissions-Policy"]


def test_another_browser_of_the_host_gets_the_detail(host, visit, provider, sign_in):
    text = shown(sign_in(provider), visit)
    assert "data-live" not in text
    assert "[Encrypted — key not available on this device]" in text


def test_a_guest_waits_without_learning_what_it_is_called(host, visit):
    guest = Client()
    join(guest, visit)
    text = shown(guest, visit)
    assert "Waiting to be let in" in text
    assert visit.host.name in text
    assert NAME not in text
    assert "data-live" not in text


def test_once_admitted_a_guest_gets_the_live_page_without_the_host_s_acts(host, visit):
    guest = Client()
    join(guest, visit).admit("patient", reserving=100)
    text = shown(guest, visit)
    assert "data-live" in text
    assert NAME in text
    for act in ("ending/", "invitations/", "data-door"):
        assert f"{visit.pk}/{act}" not in text
    assert "data-door" not in text
    assert settings_in(text)["account"] is None


@pytest.mark.parametrize(
    ("end", "words"), [("refuse", "You were not let in"), ("leave", "no longer take part")]
)
def test_who_was_sent_away_is_told_and_reads_nothing(host, visit, end, words):
    guest = Client()
    getattr(join(guest, visit), end)()
    text = shown(guest, visit)
    assert words in text
    assert NAME not in text


def test_to_a_guest_a_session_that_is_over_shows_nothing(host, visit):
    guest = Client()
    join(guest, visit).admit("patient", reserving=100)
    visits.end(visit, origin=SYSTEM)
    text = shown(guest, visit)
    assert "The session is over" in text
    assert NAME not in text


def test_to_its_host_it_then_is_the_detail(host, visit):
    visits.end(visit, origin=SYSTEM)
    text = shown(host, visit)
    assert "data-transcript" in text
    assert "e2e/transcript" in text
    assert "data-live" not in text


def test_strangers_are_led_to_the_sign_in_or_find_nothing(host, visit, outsider, sign_in):
    assert Client().get(page(visit)).url.startswith("/accounts/login/")
    assert sign_in(outsider).get(page(visit)).status_code == 404


def test_signing_out_ends_the_browser_s_part(host, visit):
    host.post("/accounts/logout/")
    assert host.get(page(visit)).url.startswith("/accounts/login/")


def test_it_is_read_only(host, visit):
    assert host.post(page(visit)).status_code == 405


def test_the_code_of_an_address_is_filled_in(visit):
    text = Client().get(f"/join/{visit.code}/").content.decode()
    assert f'value="{visit.code}"' in text
    assert NAME not in text


class TestKeyNotice:
    def test_stands_where_the_browser_is_a_device_and_another_one_asks(self, host, visit, provider, sign_in):
        other = sign_in(provider)
        other.get("/settings/devices/keys/")
        body = json.dumps({"key_commitment": encoded(secrets.token_bytes(32))})
        assert other.post("/api/key-requests", body, content_type="application/json").status_code == 201
        for path in ("/", "/settings/devices/"):
            assert "asks for the keys of your transcripts" in host.get(path).content.decode()
            # Neither to the one that asks, nor to a browser that can have none.
            assert "asks for the keys" not in other.get(path).content.decode()
            assert "asks for the keys" not in sign_in(provider).get(path).content.decode()

    def test_the_page_offers_to_ask_for_one_s_own_session_alone(self, host, visit, outsider, sign_in):
        address = f"/settings/devices/keys/?session={visit.pk}"
        assert NAME in host.get(address).content.decode()
        assert NAME not in sign_in(outsider).get(address).content.decode()
        assert host.get("/settings/devices/keys/?session=nonsense").status_code == 200
        assert Client().get(address).url.startswith("/accounts/login/")
