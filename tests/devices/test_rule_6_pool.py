"""Rule 6. A device in a pool is the organization's: it counts for nobody, and is managed there."""

import pytest

from billing.catalogue import ENTERPRISE, TEAM
from devices import actions, guests, limits, pool
from devices.models import Device, DeviceAuthorization
from medimic.audit.log import SYSTEM
from tests import cast
from tests.devices.kit import call, device_in, link_for, log_in, refused, sign_in_device, token_in

pytestmark = pytest.mark.django_db
TABLET = {"device_id": "the-tablet-in-exam-room-2", "model": "iPad Air", "device_type_id": "tablet"}
PLACE = "Exam room 2"


@pytest.fixture
def clinic(db):
    """On Enterprise, here."""
    return cast.make_organization("Lakeside Clinic", ENTERPRISE)


@pytest.fixture
def pooled(provider, clinic, admin) -> Device:
    """The provider used it first, was asked, and let it into the clinic's pool."""
    row = sign_in_device(provider, **TABLET).authorization
    asked = pool.ask(authorization=row, organization=clinic, place=PLACE, by=admin, origin=SYSTEM)
    return pool.accept(request=asked, by=provider, origin=SYSTEM)


def sign_in_on_it(person):
    return log_in(token_in(link_for(person).link), **TABLET)


def downgrade(organization):
    organization.subscriptions.update(plan_code=TEAM.code)


def test_counts_for_no_member(pooled, provider):
    assert limits.places(provider).taken == 0
    assert provider.device_authorizations.get().is_active


def test_needs_no_place_of_whoever_signs_in_on_it(pooled, clinic):
    full = cast.make_person()
    assert sign_in_on_it(full).status_code == 200
    assert limits.places(full).has_free
    pooled.refresh_from_db()
    assert pooled.owner_organization == clinic


def test_whoever_signs_in_on_it_sees_whose_it_is(pooled, clinic, colleague, sign_in):
    answer = sign_in_on_it(colleague).json()
    told = {"organization": clinic.name, "place": PLACE}
    assert answer["device"]["pool"] == told
    assert call("get", "device", token=answer["access_token"]).json()["pool"] == told
    assert f"{PLACE} · {clinic.name}" in sign_in(colleague).get("/settings/devices/").content.decode()


def test_any_other_device_is_in_no_pool(provider):
    token = sign_in_device(provider).tokens.access_token
    assert call("get", "device", token=token).json()["pool"] is None


def test_stays_the_organization_s_when_a_member_s_leave_ends(pooled, provider, clinic):
    row = provider.device_authorizations.get()
    actions.revoke(authorization=row, by=provider, origin=SYSTEM)
    pooled.refresh_from_db()
    assert (pooled.owner_organization, pooled.owner_person) == (clinic, None)


def test_is_not_a_guest_s_when_a_guest_uses_it(pooled, clinic):
    guests.first_use(device_in(**TABLET), SYSTEM)
    pooled.refresh_from_db()
    assert (pooled.owner_organization, pooled.guest_owned) == (clinic, False)


class TestRevoked:
    @pytest.fixture
    def tokens(self, pooled, provider, colleague, clinic, admin):
        """Of both accounts on it; then an admin revokes it."""
        held = [sign_in_on_it(person).json()["access_token"] for person in (provider, colleague)]
        pool.revoke(device=pooled, organization=clinic, by=admin, origin=SYSTEM)
        return held

    def test_it_ends_for_every_account_with_the_next_call(self, tokens):
        for token in tokens:
            assert refused(call("get", "device", token=token), 401, "device_revoked")

    def test_nobody_signs_in_on_it_whoever_they_are(self, tokens, provider):
        for person in (provider, cast.make_person()):
            assert refused(sign_in_on_it(person), 403, "device_blocked")

    def test_it_stays_in_the_pool(self, tokens, pooled, clinic):
        pooled.refresh_from_db()
        assert (pooled.owner_organization, pooled.place) == (clinic, PLACE)

    def test_allowed_again_its_accounts_need_a_sign_in(self, tokens, pooled, clinic, admin, provider):
        assert pool.allow_again(device=pooled, organization=clinic, by=admin, origin=SYSTEM)
        assert refused(call("get", "device", token=tokens[0]), 401, "device_revoked")
        assert sign_in_on_it(provider).status_code == 200

    def test_a_second_time_it_changes_nothing(self, tokens, pooled, clinic, admin):
        assert not pool.revoke(device=pooled, organization=clinic, by=admin, origin=SYSTEM)

    def test_what_support_ended_stays_so_when_the_organization_allows_it(
        self, pooled, clinic, admin, provider
    ):
        row = provider.device_authorizations.get()
        staff = DeviceAuthorization.RevokedReason.STAFF
        actions.revoke(authorization=row, by=None, origin=SYSTEM, reason=staff)
        pool.revoke(device=pooled, organization=clinic, by=admin, origin=SYSTEM)
        pool.allow_again(device=pooled, organization=clinic, by=admin, origin=SYSTEM)
        assert refused(sign_in_on_it(provider), 403, "device_blocked")


class TestAfterADowngrade:
    def test_it_stays_and_goes_on_for_who_used_it(self, pooled, provider, clinic):
        downgrade(clinic)
        assert sign_in_on_it(provider).status_code == 200
        pooled.refresh_from_db()
        assert pooled.owner_organization == clinic

    def test_it_takes_no_new_account_and_no_guest(self, pooled, colleague, clinic):
        downgrade(clinic)
        assert refused(sign_in_on_it(colleague), 403, "pool_closed")
        body = {"name": "Visit", "device": device_in(**TABLET).model_dump(mode="json")}
        assert refused(call("post", "sessions", body), 403, "pool_closed")

    def test_it_can_be_revoked_or_given_back(self, pooled, provider, clinic, admin):
        downgrade(clinic)
        pool.give_back(device=pooled, organization=clinic, to=provider, by=admin, origin=SYSTEM)
        assert limits.places(provider).taken == 1

    def test_no_other_device_goes_in(self, clinic, admin, colleague):
        downgrade(clinic)
        row = sign_in_device(colleague).authorization
        with pytest.raises(pool.NotPossible, match="Enterprise"):
            pool.ask(authorization=row, organization=clinic, place=PLACE, by=admin, origin=SYSTEM)
