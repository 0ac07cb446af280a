"""The handshake at a session's door, over the API."""

import pytest

from tests.sessions_app.room import WRAPPED, Door, roster

pytestmark = pytest.mark.django_db


def test_a_guest_is_let_in_step_by_step(phone):
    door = Door(phone)
    waiting = roster(door.visit.pk, door.token).json()
    assert waiting["participant"]["host_key"] is None
    seen = roster(door.visit.pk, door.host_token).json()["participants"][1]
    assert (seen["state"], seen["commitment"]) == ("waiting", door.side.commitment)
    assert door.answer().status_code == 200
    assert roster(door.visit.pk, door.token).json()["participant"]["host_nonce"] == door.host.nonce
    assert door.reveal().status_code == 200
    seen = roster(door.visit.pk, door.host_token).json()["participants"][1]
    assert (seen["public_key"], seen["nonce"]) == (door.side.key, door.side.nonce)
    answer = door.admit()
    assert (answer.status_code, answer.json()["state"]) == (200, "admitted")
    inside = roster(door.visit.pk, door.token).json()
    assert [one["state"] for one in inside["participants"]] == ["admitted", "admitted"]
    assert inside["participants"][1]["reserved_up_to"] == 100
    envelope = door.visit.envelopes.get()
    assert (envelope.wrapped, envelope.sender_key) == (WRAPPED, door.host.key)
