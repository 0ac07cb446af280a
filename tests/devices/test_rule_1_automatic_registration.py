"""Rule 1. A sign-in on the device or its first session, whichever comes first, registers it."""

import pytest

from devices.models import Device, DeviceAuthorization, DeviceType
from tests.accounts.phones import signed_in as phone_sign_in
from tests.devices.kit import call, facts, link_for, log_in, token_in
from tests.devices.test_browsers import LIST, browser, start

pytestmark = pytest.mark.django_db
PHONE = {"device_id": "the-secure-store-of-one-phone"}


def registered() -> Device:
    return Device.objects.get()


def test_a_sign_in_with_a_link_registers_the_device(provider):
    log_in(token_in(link_for(provider).link), **PHONE)
    assert registered().owner_person == provider


def test_a_sign_in_with_a_password_registers_the_device(provider):
    body = {"sign_in_proof": phone_sign_in(provider), "device": facts(**PHONE)}
    assert call("post", "device-login", body).status_code == 200
    assert registered().owner_person == provider


def test_a_guest_s_first_session_registers_the_device():
    call("post", "sessions", {"name": "First", "device": facts(**PHONE)})
    assert registered().guest_owned


def test_a_device_that_signed_in_is_not_registered_again_by_its_first_session(provider):
    token = log_in(token_in(link_for(provider).link), **PHONE).json()["access_token"]
    assert call("post", "sessions", {"name": "First"}, token=token).status_code == 201
    assert registered().authorizations.count() == 1


def test_a_browser_that_starts_a_session_is_a_computer_with_a_name(outsider):
    assert start(browser(outsider)).status_code == 302
    device = registered()
    assert (device.device_type, device.owner_person) == (DeviceType.COMPUTER, outsider)
    assert DeviceAuthorization.objects.get().name == "Firefox 146 · Ubuntu"


def test_a_browser_that_only_signed_in_counts_for_nothing_and_is_listed(outsider):
    client = browser(outsider)
    client.get(LIST)
    assert "Firefox" in client.get(LIST).content.decode()
    assert not Device.objects.exists()


def test_nobody_registers_by_hand(provider, sign_in):
    """A link is made for a device; the device itself comes into being with its sign-in."""
    link_for(provider)
    assert not Device.objects.exists()
