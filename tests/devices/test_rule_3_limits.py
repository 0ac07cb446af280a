"""Rule 3. So many devices as the most generous plan allows, counted under one lock.

What happens at the limit and after a downgrade: `test_exchange.py`. Fifty at once: `test_races.py`.
"""

import datetime as dt

import pytest
from django.utils import timezone

from billing.catalogue import ENTERPRISE, INDIVIDUAL, TEAM
from devices import actions, limits
from devices.models import Device, DeviceAuthorization, Registration
from medimic.audit.log import SYSTEM
from tests import cast
from tests.devices.kit import link_for, log_in, refused, sign_in_device, token_in
from tests.devices.test_browsers import browser, start

pytestmark = [pytest.mark.django_db, pytest.mark.both]


@pytest.mark.parametrize(("plan", "limit"), [(None, 1), (INDIVIDUAL, 3)])
def test_one_s_own_plan_sets_the_limit(plan, limit):
    person = cast.make_person()
    if plan:
        cast.subscribe(person, plan)
    fill(person, limit)
    with pytest.raises(limits.DeviceLimitReached):
        link_for(person)


@pytest.mark.parametrize(("plan", "limit"), [(TEAM, 5), (ENTERPRISE, None)])
def test_an_organization_s_plan_sets_the_limit_of_each_who_works_there(plan, limit):
    person = cast.make_person()
    cast.join(cast.make_organization("Clinic", plan), person)
    fill(person, limit or 12)
    assert limits.places(person).has_free == (limit is None)


def test_the_most_generous_of_several_counts():
    person = cast.make_person()
    cast.subscribe(person, INDIVIDUAL)
    cast.join(cast.make_organization("Clinic", TEAM), person)
    assert limits.places(person).allowance.limit == TEAM.device_limit


def test_a_patient_stands_outside_every_plan_with_three(patient):
    fill(patient, 3)
    with pytest.raises(limits.DeviceLimitReached):
        link_for(patient)


def test_long_unused_devices_count_and_are_offered_first(outsider):
    rows = [sign_in_device(outsider).authorization for _ in range(3)]
    long_ago = timezone.now() - dt.timedelta(days=900)
    DeviceAuthorization.objects.filter(pk=rows[1].pk).update(last_seen_at=long_ago)
    with pytest.raises(limits.DeviceLimitReached) as caught:
        link_for(outsider)
    assert caught.value.extra["devices"][0]["id"] == str(rows[1].pk)


def test_signed_out_devices_count(outsider):
    for _ in range(3):
        sign_in_device(outsider).authorization.sign_out()
    assert not limits.places(outsider).has_free


def test_a_pending_link_reserves_a_place_until_it_expires(outsider):
    for _ in range(3):
        link_for(outsider)
    assert limits.places(outsider).taken == 3
    Registration.objects.update(expires_at=timezone.now())
    assert limits.places(outsider).taken == 0


def test_revoked_devices_do_not_count(outsider):
    row = sign_in_device(outsider).authorization
    assert limits.places(outsider).taken == 1
    actions.revoke(authorization=row, by=outsider, origin=SYSTEM)
    assert limits.places(outsider).taken == 0


def test_a_device_of_somebody_else_s_counts_for_them_alone(provider):
    trial = cast.make_person()
    sign_in_device(provider, device_id="the-tablet-in-exam-room-2")
    sign_in_device(trial, device_id="the-tablet-in-exam-room-2")
    assert (limits.places(provider).taken, limits.places(trial).taken) == (1, 0)


def test_is_checked_again_when_the_phone_signs_in(outsider):
    links = [link_for(outsider) for _ in range(3)]
    outsider.subscriptions.update(ended_at=timezone.now())
    assert refused(log_in(token_in(links[0].link)), 409, "device_limit")


def test_a_browser_obeys_it_as_a_phone_does():
    trial = cast.make_person()
    sign_in_device(trial)
    assert start(browser(trial)).status_code == 409
    assert Device.objects.count() == 1


def fill(person, number: int) -> None:
    for _ in range(number):
        sign_in_device(person)
