"""Rule 5. Many accounts use one device; nothing of one is another's. It stays with whom it was first."""

import pytest

from devices import actions, guests, limits
from devices.models import Device, DeviceAuthorization
from medimic.audit.log import SYSTEM
from tests import cast
from tests.devices.kit import call, device_in, link_for, log_in, push, refused, sign_in_device, token_in
from tests.devices.test_exchange import rows

pytestmark = pytest.mark.django_db
TABLET = {"device_id": "the-tablet-in-exam-room-2", "model": "iPad Air", "device_type_id": "tablet"}
ROUTE = {"service": "apns", "token": "the-tablet-s-own-token"}


def revoke(row, **fields) -> bool:
    return actions.revoke(authorization=row, by=row.account, origin=SYSTEM, **fields)


def owner() -> object:
    return Device.objects.get(model="iPad Air").owner_person


def start(token: str, name: str) -> dict:
    return call("post", "sessions", {"name": name}, token=token).json()


def sessions(token: str) -> list[str]:
    return [row["name"] for row in call("get", "sessions", token=token).json()["sessions"]]


class TestApart:
    @pytest.fixture
    def a(self, provider) -> actions.SignedIn:
        return sign_in_device(provider, **TABLET, push=ROUTE)

    @pytest.fixture
    def b(self, a, colleague) -> actions.SignedIn:
        return sign_in_device(colleague, **TABLET, push=push())

    def test_sessions(self, a, b):
        mine = start(a.tokens.access_token, "A's")
        start(b.tokens.access_token, "B's")
        assert (sessions(a.tokens.access_token), sessions(b.tokens.access_token)) == (["A's"], ["B's"])
        answer = call("get", f"sessions/{mine['id']}", token=b.tokens.access_token)
        assert refused(answer, 404, "not_found")
        answer = call("post", f"sessions/{mine['id']}/end", token=b.tokens.access_token)
        assert refused(answer, 404, "not_found")

    def test_lists_of_devices(self, a, b):
        for signed_in in (a, b):
            found = call("get", "devices", token=signed_in.tokens.access_token).json()["devices"]
            assert [row["id"] for row in found] == [str(signed_in.authorization.pk)]

    def test_names(self, a, b):
        call("patch", "device", {"name": "B's tablet"}, token=b.tokens.access_token)
        a.authorization.refresh_from_db()
        assert a.authorization.name == ""

    def test_alerts_go_to_whoever_signed_in_last(self, a, b):
        a.authorization.refresh_from_db()
        b.authorization.refresh_from_db()
        assert (a.authorization.push_token, bool(b.authorization.push_token)) == ("", True)

    def test_tokens(self, a, b):
        call("post", "revoke", {"token": a.tokens.refresh_token})
        assert refused(call("get", "device", token=a.tokens.access_token), 401, "token_ended")
        assert call("get", "device", token=b.tokens.access_token).status_code == 200

    def test_revocations(self, a, b):
        revoke(a.authorization)
        assert refused(call("get", "device", token=a.tokens.access_token), 401, "device_revoked")
        assert call("get", "device", token=b.tokens.access_token).status_code == 200

    def test_the_table_of_each(self, a, b, provider, colleague, sign_in):
        for person, signed_in, other in ((provider, a, b), (colleague, b, a)):
            page = sign_in(person).get("/settings/devices/").content.decode()
            assert str(signed_in.authorization.pk) in page
            assert str(other.authorization.pk) not in page


class TestALeavesAndBComes:
    """A signs out, B signs in on the same installation: nothing of A is reachable, by any token of either."""

    @pytest.fixture
    def left_behind(self, provider, colleague) -> dict[str, str]:
        a = sign_in_device(provider, **TABLET, push=ROUTE)
        visit = start(a.tokens.access_token, "A's")
        call("post", "revoke", {"token": a.tokens.access_token})
        b = sign_in_device(colleague, **TABLET, push=ROUTE)
        return {
            "access": a.tokens.access_token,
            "refresh": a.tokens.refresh_token,
            "session": visit["session_token"],
            "id": visit["id"],
            "b": b.tokens.access_token,
        }

    def test_no_token_that_lies_about_is_good(self, left_behind):
        for token in (left_behind["access"], left_behind["session"]):
            assert refused(call("get", f"sessions/{left_behind['id']}", token=token), 401, "token_ended")
        refresh = {"grant_type": "refresh_token", "refresh_token": left_behind["refresh"]}
        assert refused(call("post", "token", refresh), 401, "token_ended")

    def test_nothing_is_read_with_b_s(self, left_behind):
        assert sessions(left_behind["b"]) == []
        answer = call("get", f"sessions/{left_behind['id']}", token=left_behind["b"])
        assert refused(answer, 404, "not_found")

    def test_the_tablet_s_pushes_are_b_s(self, left_behind, colleague):
        routed = DeviceAuthorization.objects.exclude(push_hash="")
        assert [row.account for row in routed] == [colleague]

    def test_it_is_still_a_s_device(self, left_behind, provider):
        assert owner() == provider

    def test_a_comes_back_and_finds_all_again(self, left_behind, provider):
        again = sign_in_device(provider, **TABLET)
        assert sessions(again.tokens.access_token) == ["A's"]


class TestOwner:
    def test_is_the_account_that_used_it_first(self, provider, colleague):
        sign_in_device(provider, **TABLET)
        sign_in_device(colleague, **TABLET)
        assert owner() == provider

    def test_stays_when_they_sign_in_again(self, provider, colleague):
        for person in (provider, colleague, provider):
            sign_in_device(person, **TABLET)
        assert owner() == provider

    def test_a_guest_yields_to_the_first_account(self, provider):
        guests.first_use(device_in(**TABLET), SYSTEM)
        assert Device.objects.get().guest_owned
        sign_in_device(provider, **TABLET)
        device = Device.objects.get()
        assert (device.owner_person, device.guest_owned) == (provider, False)

    def test_taking_a_guest_s_device_over_needs_a_place(self):
        trial = cast.make_person()
        link = late_link(trial)
        guests.first_use(device_in(**TABLET), SYSTEM)
        before = rows()
        assert refused(log_in(link, **TABLET), 409, "device_limit")
        assert rows() == before
        assert Device.objects.get(guest_owned=True)

    def test_a_guest_who_comes_back_takes_nothing_from_the_owner(self, provider):
        sign_in_device(provider, **TABLET)
        guests.first_use(device_in(**TABLET), SYSTEM)
        assert owner() == provider

    def test_a_guest_s_device_belongs_to_nobody_once_the_guest_has_ended(self, support):
        row, _tokens = guests.first_use(device_in(**TABLET), SYSTEM)
        actions.revoke(authorization=row, by=support, origin=SYSTEM)
        assert not Device.objects.get().is_owned


class TestOwnershipPasses:
    def test_to_the_oldest_account_with_a_free_place(self, provider, colleague):
        full = cast.make_person()
        first = sign_in_device(provider, **TABLET).authorization
        sign_in_device(full, **TABLET)
        sign_in_device(full)
        sign_in_device(colleague, **TABLET)
        revoke(first)
        assert owner() == colleague
        assert limits.places(colleague).taken == 1

    def test_to_no_account_that_is_closed(self, provider, colleague, outsider):
        first = sign_in_device(provider, **TABLET).authorization
        sign_in_device(colleague, **TABLET)
        sign_in_device(outsider, **TABLET)
        type(colleague).objects.filter(pk=colleague.pk).update(is_active=False)
        revoke(first)
        assert owner() == outsider

    def test_to_nobody_where_no_account_has_a_place(self, provider):
        full = cast.make_person()
        first = sign_in_device(provider, **TABLET).authorization
        shared = sign_in_device(full, **TABLET)
        link = late_link(full)
        revoke(first)
        assert owner() is None
        # They keep it until their next sign-in, which needs a place.
        assert call("get", "device", token=shared.tokens.access_token).status_code == 200
        assert refused(log_in(link, **TABLET), 409, "device_limit")

    def test_from_nobody_to_whoever_signs_in_next_with_a_place(self, provider, colleague):
        full = cast.make_person()
        first = sign_in_device(provider, **TABLET).authorization
        sign_in_device(full, **TABLET)
        sign_in_device(full)
        revoke(first)
        assert owner() is None
        sign_in_device(colleague, **TABLET)
        assert owner() == colleague

    def test_not_when_another_account_s_leave_ends(self, provider, colleague):
        sign_in_device(provider, **TABLET)
        revoke(sign_in_device(colleague, **TABLET).authorization)
        assert owner() == provider

    def test_with_an_exchange_to_the_heir(self, outsider, colleague):
        rows_ = [
            sign_in_device(outsider, **TABLET).authorization,
            *(sign_in_device(outsider) for _ in range(2)),
        ]
        sign_in_device(colleague, **TABLET)
        actions.issue_link(account=outsider, by=outsider, origin=SYSTEM, instead_of=rows_[0])
        assert owner() == colleague


def late_link(person) -> str:
    """A link that was made while there was a place, for somebody who has none any more."""
    cast.subscribe(person)
    link = token_in(link_for(person).link)
    sign_in_device(person)
    person.subscriptions.all().delete()
    return link
