"""Envelopes: session keys wrapped for devices, which each account alone gets back."""

import pytest

from devices.models import KeyPair
from sessions_app.models import Envelope
from tests.devices.kit import call, public_key, refused
from tests.sessions_app import seats

pytestmark = pytest.mark.django_db


@pytest.fixture
def seat(provider):
    return seats.host(provider)


def put(seat, body, token=""):
    return call("put", f"sessions/{seat.visit.pk}/envelope", body, token=token or seat.session_token)


def test_the_hosts_own_envelope_is_kept_once_and_binds_the_devices_key(seat):
    body = {"public_key": seat.key, "wrapped": seats.wrapped()}
    first, again = put(seat, body), put(seat, body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert first.json() == {
        "wrapped": body["wrapped"],
        "sender_key": seat.key,
        "thumbprint": seat.thumbprint,
    }
    assert Envelope.objects.count() == 1
    assert KeyPair.objects.get(authorization=seat.authorization).thumbprint == seat.thumbprint


@pytest.mark.parametrize(
    "changes", [{"wrapped": None}, {"public_key": None}, {"wrapped": None, "public_key": None}]
)
def test_another_envelope_is_refused_and_changes_nothing(seat, changes):
    body = {"public_key": seat.key, "wrapped": seats.wrapped()}
    put(seat, body)
    other = {"wrapped": seats.wrapped(), "public_key": public_key()}
    refused(put(seat, body | {name: other[name] for name in changes}), 409, "envelope_exists")
    assert Envelope.objects.get().wrapped == body["wrapped"]
    assert KeyPair.objects.get().thumbprint == seat.thumbprint
