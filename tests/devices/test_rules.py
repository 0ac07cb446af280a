"""Owners, places, shared devices and guests."""

import datetime as dt

import pytest
from django.utils import timezone

from devices import actions, guests, limits
from devices.models import Device, DeviceAuthorization, Registration
from medimic import crypto
from medimic.audit.log import SYSTEM
from medimic.problems import Problem
from tests import cast
from tests.devices.kit import call, device_in, events, link_for, refused, sign_in_device
from tests.devices.kit import push as push_route

pytestmark = pytest.mark.django_db
TABLET = {"device_id": "the-tablet-in-exam-room-2", "model": "iPad Air", "device_type_id": "tablet"}
Reason = DeviceAuthorization.RevokedReason


def revoke(row, by=None, **fields) -> bool:
    return actions.revoke(authorization=row, by=by or row.account, origin=SYSTEM, **fields)


def owner() -> object:
    return Device.objects.get().owner_person


class TestOwner:
    def test_is_the_account_that_used_it_first(self, provider, colleague):
        sign_in_device(provider, **TABLET)
        sign_in_device(colleague, **TABLET)
        assert owner() == provider

    def test_a_guest_yields_to_the_first_account(self, provider):
        guests.first_use(device_in(**TABLET), SYSTEM)
        assert Device.objects.get().guest_owned
        sign_in_device(provider, **TABLET)
        device = Device.objects.get()
        assert (device.owner_person, device.guest_owned) == (provider, False)

    def test_taking_a_guest_s_device_over_needs_a_place(self):
        trial = cast.make_person()
        sign_in_device(trial)
        guests.first_use(device_in(**TABLET), SYSTEM)
        _link_beyond_the_limit(trial, "late")
        with pytest.raises(limits.DeviceLimitReached):
            actions.log_in(token="late", device=device_in(**TABLET), origin=SYSTEM)
        assert Device.objects.get(guest_owned=True)

    def test_passes_to_the_oldest_account_with_a_free_place(self, provider, colleague):
        full = cast.make_person()
        first = sign_in_device(provider, **TABLET).authorization
        sign_in_device(full, **TABLET)
        sign_in_device(full)
        sign_in_device(colleague, **TABLET)
        revoke(first)
        assert Device.objects.get(model="iPad Air").owner_person == colleague

    def test_is_nobody_where_no_account_has_a_place(self, provider):
        full = cast.make_person()
        first = sign_in_device(provider, **TABLET).authorization
        shared = sign_in_device(full, **TABLET)
        sign_in_device(full)
        revoke(first)
        assert Device.objects.get(model="iPad Air").owner_person is None
        # They keep it until their next sign-in, which needs a place.
        assert call("get", "device", token=shared.tokens.access_token).status_code == 200
        _link_beyond_the_limit(full, "again")
        with pytest.raises(limits.DeviceLimitReached):
            actions.log_in(token="again", device=device_in(**TABLET), origin=SYSTEM)

    def test_stays_when_the_owner_signs_in_again(self, provider, colleague):
        sign_in_device(provider, **TABLET)
        sign_in_device(colleague, **TABLET)
        sign_in_device(provider, **TABLET)
        assert owner() == provider

    def test_of_a_pooled_device_is_the_organization(self, provider, clinic):
        sign_in_device(provider, **TABLET)
        Device.objects.update(owner_person=None, owner_organization=clinic)
        trial = cast.make_person()
        sign_in_device(trial)
        row = DeviceAuthorization.objects.create(account=trial, issued_by=trial)
        row.attach(Device.objects.get(model="iPad Air"))
        assert limits.places(trial).taken == 1


class TestShared:
    def test_a_revocation_leaves_other_accounts_alone(self, provider, colleague):
        a = sign_in_device(provider, **TABLET)
        b = sign_in_device(colleague, **TABLET)
        revoke(a.authorization)
        assert refused(call("get", "device", token=a.tokens.access_token), 401, "device_revoked")
        assert call("get", "device", token=b.tokens.access_token).status_code == 200

    def test_signing_out_leaves_other_accounts_alone(self, provider, colleague):
        a = sign_in_device(provider, **TABLET)
        b = sign_in_device(colleague, **TABLET)
        call("post", "revoke", {"token": a.tokens.access_token})
        assert call("get", "device", token=b.tokens.access_token).status_code == 200


class TestRevoke:
    def test_happens_once(self, provider):
        row = sign_in_device(provider).authorization
        assert (revoke(row), revoke(row)) == (True, False)
        assert len(events("devices.revoked")) == 1

    def test_cancels_a_pending_link_and_frees_its_place(self, provider):
        issued = link_for(provider)
        assert limits.places(provider).taken == 1
        revoke(issued.authorization)
        assert limits.places(provider).taken == 0
        assert issued.authorization.revoked_reason == Reason.CANCELLED
        assert len(events("devices.link_cancelled")) == 1

    def test_stands_or_falls_with_its_audit_row(self, provider, monkeypatch):
        row = sign_in_device(provider).authorization

        def fail(*args, **kwargs):
            raise RuntimeError("no log")

        monkeypatch.setattr(actions, "record", fail)
        with pytest.raises(RuntimeError):
            revoke(row)
        row.refresh_from_db()
        assert row.is_active

    def test_says_who_and_why(self, provider, support):
        row = sign_in_device(provider).authorization
        revoke(row, by=support, reason=Reason.STAFF)
        assert (row.revoked_by, row.revoked_reason) == (support, "staff")


class TestGuests:
    def test_get_tokens_at_their_first_use(self, db):
        row, issued = guests.first_use(device_in(**TABLET), SYSTEM)
        assert row.account is None
        assert call("get", "device", token=issued.access_token).json()["id"] == str(row.pk)
        assert len(events("devices.guest_registered")) == 1

    def test_a_reinstall_finds_the_same_device_and_ends_the_older_guest_s_tokens(self, db):
        old, old_tokens = guests.first_use(device_in(**TABLET), SYSTEM)
        new, _ = guests.first_use(device_in(**TABLET, os_version="18.0"), SYSTEM)
        old.refresh_from_db()
        assert (old.device, old.successor) == (new.device, new)
        assert Device.objects.get().os_version == "18.0"
        assert refused(call("get", "device", token=old_tokens.access_token), 401, "device_revoked")

    def test_knowing_an_account_s_device_changes_nothing_of_it(self, provider):
        route = push_route()
        mine = sign_in_device(provider, **TABLET, push=route)
        guest, issued = guests.first_use(device_in(**TABLET | {"model": "Changed"}, push=route), SYSTEM)
        device = Device.objects.get()
        assert (device.model, device.owner_person) == ("iPad Air", provider)
        mine.authorization.refresh_from_db()
        assert (mine.authorization.push_token, guest.push_token) == (route["token"], "")
        assert call("get", "device", token=mine.tokens.access_token).status_code == 200
        rows = call("get", "devices", token=issued.access_token).json()["devices"]
        assert [row["id"] for row in rows] == [str(guest.pk)]

    def test_whom_support_ended_cannot_come_back_alone(self, support):
        row, _ = guests.first_use(device_in(**TABLET), SYSTEM)
        revoke(row, by=support, reason=Reason.STAFF)
        with pytest.raises(Problem) as caught:
            guests.first_use(device_in(**TABLET), SYSTEM)
        assert caught.value.code == "device_blocked"


def _link_beyond_the_limit(person, token: str) -> None:
    """As it stands after a downgrade: made while there was a place."""
    pending = DeviceAuthorization.objects.create(account=person, issued_by=person)
    Registration.objects.create(
        authorization=pending,
        token_hash=crypto.token_hash(token),
        created_by=person,
        expires_at=timezone.now() + dt.timedelta(hours=1),
    )
