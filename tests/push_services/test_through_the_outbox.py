"""From the event to the device: the outbox's rows, routing, and services that answer as real ones do."""

import uuid

import pytest
from django.utils import timezone

from devices import actions
from devices.models import DeviceAuthorization
from medimic.audit.log import SYSTEM
from medimic.outbox.models import Delivery, Service
from tests.devices.kit import sign_in_device
from tests.devices.pushes import deliver, queued, states, tell
from tests.push_services.http2 import CLOSE, Reply

pytestmark = [pytest.mark.django_db, pytest.mark.once]
APPLES, GOOGLES = "0a" * 32, "phone:APA91b"


@pytest.fixture
def phone(provider, apple) -> actions.SignedIn:
    apple.devices[APPLES] = "here"
    return sign_in_device(provider, push={"service": "apns", "token": APPLES})


def time_passes() -> None:
    """Until what waits is due, and what is away is asked again."""
    Delivery.objects.filter(state=Delivery.State.WAITING).update(due_at=timezone.now())
    Service.objects.exclude(next_try_at=None).update(next_try_at=timezone.now())


def test_one_event_reaches_a_phone_of_each_kind_and_a_browser(provider, phone, google, push_service, apple):
    browser = push_service.subscribe()
    google.devices[GOOGLES] = "here"
    sign_in_device(provider, push={"service": "fcm", "token": GOOGLES})
    sign_in_device(provider, push={"service": "webpush", "token": browser.token})
    google.server.next.append(Reply(503))
    tell(provider)
    deliver()
    assert sorted(states()) == ["sent", "sent", "waiting"]
    time_passes()
    deliver()
    assert [len(service.taken) for service in (apple, google, push_service)] == [1, 1, 1]
    assert states() == ["sent"] * 3
    assert {delivery.service for delivery in queued()} == {"apns", "fcm", "webpush:localhost"}
    ids = {delivery.channel: str(delivery.id) for delivery in queued()}
    assert apple.taken[0].headers["apns-id"] == ids["apns"]
    assert google.taken[0].json()["message"]["data"]["delivery_id"] == ids["fcm"]
    assert ids["webpush"].encode() in browser.read(push_service.taken[0].body)


@pytest.mark.parametrize("state", ["gone", "never seen"])
def test_a_device_that_apple_does_not_know_leaves_routing(provider, phone, apple, state):
    apple.devices[APPLES] = state
    tell(provider)
    deliver()
    assert states() == ["dropped"]
    assert not DeviceAuthorization.objects.exclude(push_hash="").exists()
    assert tell(provider) == 0


def test_through_twenty_outages_nothing_is_lost_and_each_alert_comes_once(provider, phone, apple):
    """Down, back; up, cut off: what was taken before the cut comes again under its id alone."""
    for number in range(20):
        apple.server.next.extend([CLOSE, CLOSE] if number % 2 else [Reply(503)])
        tell(provider, uuid.uuid4())
        deliver()
    for _ in range(30):
        time_passes()
        deliver()
    assert states() == ["sent"] * 20
    sent = [request.headers["apns-id"] for request in apple.taken]
    assert sorted(sent) == sorted(str(delivery.id) for delivery in queued())
    assert {delivery.body for delivery in queued()} == {""}


def test_a_device_that_is_revoked_while_its_service_is_away_gets_nothing(provider, phone, apple):
    apple.server.next.append(Reply(503))
    tell(provider)
    deliver()
    assert states() == ["waiting"]
    authorization = DeviceAuthorization.objects.get(account=provider)
    actions.revoke(authorization=authorization, by=provider, origin=SYSTEM)
    time_passes()
    deliver()
    assert apple.taken == []
    assert states() == ["dropped"]


def test_a_refused_key_loses_nothing_until_it_is_mended(provider, phone, apple, settings):
    right = settings.APNS_KEY_ID
    settings.APNS_KEY_ID = "ANOTHERKEY"
    for _ in range(3):
        tell(provider, uuid.uuid4())
    for _ in range(4):
        time_passes()
        deliver()
    assert states() == ["waiting"] * 3
    settings.APNS_KEY_ID = right
    for _ in range(3):
        time_passes()
        deliver()
    assert states() == ["sent"] * 3
    assert len(apple.taken) == 3
