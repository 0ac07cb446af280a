"""At the same instant: two organizations for one device, a consent and its withdrawal, a sign-in and a
revocation."""

import pytest

from billing.catalogue import ENTERPRISE
from devices import actions, fleet, limits, pool
from devices.models import Device, DeviceAuthorization, FleetEntry, PoolRequest
from medimic.audit.log import SYSTEM
from medimic.problems import Problem
from tests import cast
from tests.devices.kit import device_in, link_for, sign_in_device, token_in
from tests.devices.test_races import race

pytestmark = pytest.mark.django_db(transaction=True)
TABLET = {"device_id": "the-tablet-in-exam-room-2"}


def outcome_of(act):
    """For `race`, which tells outcomes by the codes of problems."""

    def run(index: int) -> None:
        try:
            act(index)
        except pool.NotPossible as refusal:
            raise Problem(409, "not_possible", str(refusal)) from None

    return run


@pytest.fixture
def houses(provider):
    found = [cast.make_organization(name, ENTERPRISE) for name in ("Lakeside", "Hilltop")]
    for house in found:
        cast.join(house, provider)
    return found


@pytest.fixture
def requests(provider, houses, admin):
    row = sign_in_device(provider, **TABLET).authorization
    return [
        pool.ask(authorization=row, organization=house, place="x", by=admin, origin=SYSTEM)
        for house in houses
    ]


def test_two_pools_at_once_get_one_device_once(requests, provider):
    act = outcome_of(lambda i: pool.accept(request=requests[i % 2], by=provider, origin=SYSTEM))
    assert race(act, 10) == {"won": 1, "not_possible": 9}
    assert sorted(PoolRequest.objects.values_list("state", flat=True)) == ["accepted", "overtaken"]
    assert FleetEntry.objects.filter(person=None).count() == 1


def test_a_consent_and_its_withdrawal_bring_one_of_the_two_about(requests, provider, admin):
    asked = requests[0]

    def act(index: int) -> None:
        if index % 2:
            pool.accept(request=asked, by=provider, origin=SYSTEM)
        elif not pool.withdraw(request=asked, by=admin, origin=SYSTEM):
            raise pool.NotPossible

    assert race(outcome_of(act), 10) == {"won": 1, "not_possible": 9}
    asked.refresh_from_db()
    is_pooled = Device.objects.get().owner_organization_id is not None
    assert is_pooled == (asked.state == "accepted")


def test_nobody_slips_in_while_a_pooled_device_is_revoked(requests, provider, houses, admin):
    device = pool.accept(request=requests[0], by=provider, origin=SYSTEM)
    people = [cast.make_person() for _ in range(8)]
    tokens = [token_in(link_for(person).link) for person in people]

    def act(index: int) -> None:
        if index == 8:
            pool.revoke(device=device, organization=houses[0], by=admin, origin=SYSTEM)
        else:
            actions.log_in(token=tokens[index], device=device_in(**TABLET), origin=SYSTEM)

    race(outcome_of(act), 9)
    assert not DeviceAuthorization.objects.living().filter(device=device).exists()


def test_the_last_place_takes_one_of_two_devices_that_are_given_back(houses, provider, admin):
    house = houses[0]
    devices = []
    for number in range(2):
        row = sign_in_device(provider, device_id=f"a-tablet-on-the-ward-no-{number}").authorization
        asked = pool.ask(authorization=row, organization=house, place="x", by=admin, origin=SYSTEM)
        devices.append(pool.accept(request=asked, by=provider, origin=SYSTEM))
    for each in houses:
        each.subscriptions.update(plan_code="team")
    for _ in range(4):
        sign_in_device(provider)
    act = outcome_of(
        lambda i: pool.give_back(device=devices[i], organization=house, to=provider, by=admin, origin=SYSTEM)
    )
    assert race(act, 2) == {"won": 1, "device_limit": 1}
    assert limits.places(provider).taken == 5


def test_joining_while_one_signs_in_lists_every_device(houses, outsider):
    """Whichever comes first, the list holds the device in the end."""
    house = houses[0]
    token = token_in(link_for(outsider).link)

    def act(index: int) -> None:
        if index:
            from django.db import transaction

            with transaction.atomic():
                cast.join(house, outsider)
                fleet.member_changed(outsider.pk, house.pk)
        else:
            actions.log_in(token=token, device=device_in(), origin=SYSTEM)

    assert race(act, 2) == {"won": 2}
    assert FleetEntry.objects.filter(organization=house, person=outsider).count() == 1
