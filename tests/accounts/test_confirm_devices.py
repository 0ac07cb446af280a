import pytest
from django.test import Client

from accounts import actions
from medimic.audit.log import SYSTEM
from tests.accounts.conftest import kinds

pytestmark = pytest.mark.django_db
SWITCH = "/settings/security/device-confirmation/"


@pytest.fixture
def client(provider, log_in) -> Client:
    return log_in(provider)


def switch(client, to: str):
    return client.post(SWITCH, {"confirm": to}, follow=True).content.decode()


def test_is_switched_on_and_off_and_the_log_tells(client, provider):
    assert "must be confirmed from now on" in switch(client, "on")
    provider.refresh_from_db()
    assert provider.confirm_devices
    assert "without being confirmed" in switch(client, "off")
    provider.refresh_from_db()
    assert not provider.confirm_devices
    assert kinds(provider)[-2:] == ["accounts.device_confirmation_on", "accounts.device_confirmation_off"]


def test_twice_is_once(client, provider):
    switch(client, "on")
    switch(client, "on")
    assert kinds(provider).count("accounts.device_confirmation_on") == 1


def test_the_security_page_says_how_it_stands(client):
    assert "Confirm them by digits" in client.get("/settings/security/").content.decode()
    switch(client, "on")
    assert "Confirmed by digits" in client.get("/settings/security/").content.decode()


def test_asks_for_a_recent_authentication(provider, sign_in):
    for response in (sign_in(provider).get(SWITCH), sign_in(provider).post(SWITCH, {"confirm": "on"})):
        assert response.url.startswith("/accounts/reauthenticate/")
    provider.refresh_from_db()
    assert not provider.confirm_devices


def test_a_log_that_cannot_be_written_changes_nothing(provider, monkeypatch):
    def fail(*arguments, **options):
        raise RuntimeError

    monkeypatch.setattr(actions, "record", fail)
    with pytest.raises(RuntimeError):
        actions.confirm_devices(person=provider, is_wanted=True, origin=SYSTEM)
    provider.refresh_from_db()
    assert not provider.confirm_devices
