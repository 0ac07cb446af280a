"""What a browser takes part with ends with a sign-in that ends by itself, whether anybody asks or not."""

import time

import pytest

from devices import browser_sign_ins
from devices.models import Token
from tests.devices.kit import sign_in_device
from tests.devices.test_browsers import browser, session_of, start

pytestmark = pytest.mark.django_db


@pytest.fixture
def later(monkeypatch):
    """Half an hour and a minute pass, for sign-ins and nothing else."""

    def pass_() -> None:
        now = time.time() + 31 * 60
        monkeypatch.setattr(time, "time", lambda: now)

    return pass_


@pytest.fixture
def client(outsider):
    """A browser on the page of its running session."""
    client = browser(outsider)
    visit = session_of(start(client))
    answer = client.post(f"/sessions/{visit.pk}/token/")
    client.headers_of_page = {"authorization": f"Bearer {answer.json()['session_token']}"}
    client.participants = f"/api/sessions/{visit.pk}/participants"
    return client


def is_in(client) -> bool:
    return client.get(client.participants, headers=client.headers_of_page).status_code == 200


def test_the_pages_token_ends_where_the_browser_asks_for_anything(client, later):
    assert is_in(client)
    later()
    client.get("/accounts/time-left/")
    assert not is_in(client)


def test_it_ends_where_nobody_is_there_to_ask(client, later):
    later()
    assert browser_sign_ins.end_parts_of_timed_out() == 1
    assert not is_in(client)
    assert browser_sign_ins.end_parts_of_timed_out() == 0


def test_it_stays_while_the_sign_in_does(client):
    assert browser_sign_ins.end_parts_of_timed_out() == 0
    assert is_in(client)


def test_polling_with_it_keeps_no_sign_in_alive(client, later):
    is_in(client)
    later()
    assert client.get("/accounts/time-left/").json() == {"who": ""}


def test_phones_are_left_alone(client, outsider, later):
    sign_in_device(outsider)
    before = Token.objects.filter(ended_at=None).exclude(kind=Token.Kind.SESSION).count()
    later()
    browser_sign_ins.end_parts_of_timed_out()
    assert Token.objects.filter(ended_at=None).exclude(kind=Token.Kind.SESSION).count() == before
