"""Rule 2. The same `device_id` finds the same row; knowing it opens nothing."""

import pytest

from billing.catalogue import GUEST
from devices import guests
from devices.models import Device, DeviceAuthorization
from medimic.audit.log import SYSTEM
from medimic.problems import Problem
from tests.devices.kit import call, device_in, events, facts, link_for, log_in, push, refused, token_in

pytestmark = pytest.mark.django_db
TABLET = {"device_id": "the-tablet-in-exam-room-2", "model": "iPad Air", "device_type_id": "tablet"}


def sign_in(person, **device) -> dict:
    return log_in(token_in(link_for(person).link), **TABLET | device).json()


def as_guest(name="Visit", **device):
    return call("post", "sessions", {"name": name, "device": facts(**TABLET | device)})


def sessions(token: str) -> list[str]:
    return [row["name"] for row in call("get", "sessions", token=token).json()["sessions"]]


class TestAccount:
    def test_finds_its_row_its_versions_and_its_history_again(self, provider):
        first = sign_in(provider)
        call("post", "sessions", {"name": "Before"}, token=first["access_token"])
        second = sign_in(provider, os_version="18.1", app_version="4.0")
        device = Device.objects.get()
        assert (device.os_version, device.app_version) == ("18.1", "4.0")
        assert sessions(second["access_token"]) == ["Before"]
        old = DeviceAuthorization.objects.get(pk=first["device"]["id"])
        assert (str(old.successor_id), old.revoked_reason) == (second["device"]["id"], "succeeded")

    def test_the_installation_before_is_signed_out(self, provider):
        first = sign_in(provider)
        sign_in(provider)
        assert refused(call("get", "device", token=first["access_token"]), 401, "device_revoked")

    def test_replaces_the_push_token(self, provider):
        sign_in(provider, push=push("before"))
        sign_in(provider, push=push("after"))
        routes = DeviceAuthorization.objects.exclude(push_hash="")
        assert [row.push_token for row in routes] == ["after"]

    def test_counts_once(self, outsider):
        for _ in range(5):
            sign_in(outsider)
        assert len(call("get", "devices", token=sign_in(outsider)["access_token"]).json()["devices"]) == 1


class TestGuest:
    def test_finds_the_same_device_with_its_quota_and_nothing_that_was_before(self):
        for number in range(GUEST.session_quota):
            answer = as_guest(f"Visit {number}", os_version=f"17.{number}")
        assert Device.objects.get().os_version == f"17.{GUEST.session_quota - 1}"
        assert sessions(answer.json()["tokens"]["access_token"]) == [f"Visit {GUEST.session_quota - 1}"]
        assert refused(as_guest("One more"), 409, "quota_exceeded")

    def test_the_installation_before_is_signed_out(self):
        first = as_guest().json()["tokens"]["access_token"]
        as_guest()
        assert refused(call("get", "device", token=first), 401, "device_revoked")

    def test_that_support_ended_does_not_come_back_by_itself(self, support):
        row, _tokens = guests.first_use(device_in(**TABLET), SYSTEM)
        row.revoke(by=support, reason=DeviceAuthorization.RevokedReason.STAFF)
        with pytest.raises(Problem) as caught:
            guests.first_use(device_in(**TABLET), SYSTEM)
        assert caught.value.code == "device_blocked"


class TestWhoMerelyKnowsTheIdentifier:
    def test_as_a_guest_reads_and_changes_nothing_of_an_account(self, provider):
        route = push()
        mine = sign_in(provider, push=route)
        call("post", "sessions", {"name": "Mine"}, token=mine["access_token"])
        guest = as_guest("Theirs", model="Changed", push=route).json()["tokens"]["access_token"]
        device = Device.objects.get()
        assert (device.model, device.owner_person) == ("iPad Air", provider)
        assert sessions(guest) == ["Theirs"]
        assert DeviceAuthorization.objects.get(account=provider).push_token == route["token"]
        assert DeviceAuthorization.objects.get(account=None).push_token == ""
        assert call("get", "device", token=mine["access_token"]).status_code == 200
        (row,) = call("get", "devices", token=guest).json()["devices"]
        assert row["id"] == str(DeviceAuthorization.objects.get(account=None).pk)

    def test_with_an_account_of_their_own_reads_nothing_of_others(self, provider, colleague):
        mine = sign_in(provider)
        call("post", "sessions", {"name": "Mine"}, token=mine["access_token"])
        theirs = sign_in(colleague)
        assert sessions(theirs["access_token"]) == []
        assert Device.objects.get().owner_person == provider

    def test_reads_nothing_of_an_earlier_guest(self):
        as_guest("Before")
        assert sessions(as_guest("After").json()["tokens"]["access_token"]) == ["After"]

    def test_is_told_apart_in_the_log(self):
        as_guest()
        as_guest()
        assert ['"is_new":true' in event.details for event in events("devices.guest_registered")] == [
            True,
            False,
        ]
