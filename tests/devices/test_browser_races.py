"""A browser that registers itself many times at once, and many browsers for one last place."""

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.test import RequestFactory

from billing.catalogue import INDIVIDUAL
from devices import browsers, limits
from devices.models import Device, DeviceAuthorization
from medimic import crypto
from tests.devices.kit import sign_in_device
from tests.devices.test_races import race

pytestmark = pytest.mark.django_db(transaction=True)
AT_ONCE = 50


def request_of(person, identifier: str):
    """The request of a browser in which a person is signed in."""
    request = RequestFactory(headers={"user-agent": "Firefox/146.0"}).post("/sessions/new/")
    request.COOKIES["device"] = identifier
    request.user = person
    request.session = SessionStore()
    return request


def test_one_browser_at_once_is_one_device_and_one_authorization(outsider):
    identifier = crypto.new_token()
    outcome = race(lambda _: browsers.authorization_for(request_of(outsider, identifier)), AT_ONCE)
    assert outcome == {"won": AT_ONCE}
    assert DeviceAuthorization.objects.count() == 1
    assert Device.objects.count() == 1


def test_the_last_place_goes_to_one_of_fifty_browsers(outsider):
    for _ in range(INDIVIDUAL.device_limit - 1):
        sign_in_device(outsider)
    outcome = race(lambda _: browsers.authorization_for(request_of(outsider, crypto.new_token())), AT_ONCE)
    assert outcome == {"won": 1, "device_limit": AT_ONCE - 1}
    assert limits.places(outsider).taken == INDIVIDUAL.device_limit
