"""Rule 6. A device in a pool is the organization's. (Pooling itself comes with organizations' devices.)"""

import pytest

from devices import actions, guests, limits
from devices.models import Device
from medimic.audit.log import SYSTEM
from tests import cast
from tests.devices.kit import device_in, link_for, log_in, sign_in_device, token_in

pytestmark = pytest.mark.django_db
TABLET = {"device_id": "the-tablet-in-exam-room-2", "model": "iPad Air", "device_type_id": "tablet"}


@pytest.fixture
def pooled(provider, clinic) -> Device:
    """The provider used it first; then the clinic took it into its pool."""
    sign_in_device(provider, **TABLET)
    device = Device.objects.get()
    device.owner_person, device.owner_organization, device.place = None, clinic, "Exam room 2"
    device.save()
    return device


def test_counts_for_no_member(pooled, provider):
    assert limits.places(provider).taken == 0


def test_needs_no_place_of_whoever_signs_in_on_it(pooled, clinic):
    full = cast.make_person()
    link = token_in(link_for(full).link)
    assert log_in(link, **TABLET).status_code == 200
    assert limits.places(full).has_free
    pooled.refresh_from_db()
    assert pooled.owner_organization == clinic


def test_stays_the_organization_s_when_a_member_s_leave_ends(pooled, provider, clinic):
    row = provider.device_authorizations.get()
    actions.revoke(authorization=row, by=provider, origin=SYSTEM)
    pooled.refresh_from_db()
    assert (pooled.owner_organization, pooled.owner_person) == (clinic, None)


def test_is_not_a_guest_s_when_a_guest_uses_it(pooled, clinic):
    guests.first_use(device_in(**TABLET), SYSTEM)
    pooled.refresh_from_db()
    assert (pooled.owner_organization, pooled.guest_owned) == (clinic, False)
