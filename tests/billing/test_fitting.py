"""What is said to no longer fit, before a smaller plan is chosen."""

import uuid

import pytest
from django.db import transaction
from django.utils import timezone

from billing.catalogue import ENTERPRISE, FREE_TRIAL, INDIVIDUAL, TEAM
from billing.entitlements import payer_for
from billing.models import UsagePeriod
from billing.usage import charge
from devices.models import Device
from medimic.flows.fitting import no_longer_fits
from tests import cast
from tests.devices.kit import sign_in_device

pytestmark = pytest.mark.django_db


def sentences(person, organization, plan) -> list[str]:
    return no_longer_fits(person, organization, plan, at=timezone.now())


def test_nothing_where_all_of_it_fits(admin, clinic):
    assert sentences(admin, clinic, TEAM) == []


def test_devices_over_the_smaller_plan_s_limit(outsider):
    for model in ("iPhone 15 Pro", "Pixel 8"):
        sign_in_device(outsider, model=model)
    assert "2 devices take places; Free Trial has 1." in sentences(outsider, None, FREE_TRIAL)
    assert sentences(outsider, None, INDIVIDUAL) == []


def test_devices_that_an_organization_grants_still_fit(outsider):
    cast.join(cast.make_organization("Hill Hospital", ENTERPRISE), outsider)
    for model in ("iPhone 15 Pro", "Pixel 8"):
        sign_in_device(outsider, model=model)
    assert sentences(outsider, None, FREE_TRIAL) == ["Free Trial holds 10 sessions in all, and 10 are left."]


def test_members_with_more_devices_than_the_plan_allows(admin, provider, clinic):
    for model in ("iPhone 15 Pro", "Pixel 8"):
        sign_in_device(provider, model=model)
    sign_in_device(admin)
    found = sentences(admin, clinic, FREE_TRIAL)
    assert "1 member has more devices than Free Trial allows (1)." in found


def test_sessions_over_the_smaller_plan_s_quota(admin, clinic):
    clinic.subscriptions.update(plan_code=ENTERPRISE.code)
    period = clinic.subscriptions.get().period_start
    UsagePeriod.objects.create(organization=clinic, starts_at=period, used=501)
    assert sentences(admin, clinic, TEAM) == [
        "501 sessions were used in this period; Team holds 500 sessions per provider and month."
    ]


def test_sessions_that_the_trial_has_left(outsider):
    outsider.subscriptions.update(ended_at=timezone.now())
    for _ in range(4):
        with transaction.atomic():
            charge(uuid.uuid4(), payer_for(outsider, None), at=timezone.now())
    assert sentences(outsider, None, FREE_TRIAL) == ["Free Trial holds 10 sessions in all, and 6 are left."]


def test_devices_of_the_pool_stay_and_take_nobody_new(admin, clinic):
    Device.objects.create(
        identifier_hash="0" * 64,
        owner_organization=clinic,
        place="Exam room 1",
        model="iPad Air",
        device_type="tablet",
        platform="ipados",
        os_version="17",
        app_version="3.2.0",
    )
    assert sentences(admin, clinic, TEAM) == ["1 device of the pool stays, and takes no new accounts."]
    assert sentences(admin, clinic, ENTERPRISE) == []
