import pytest
from django.utils import timezone

from billing.catalogue import ENTERPRISE, FREE_TRIAL, GUEST, INDIVIDUAL, PATIENT, TEAM
from billing.entitlements import Payer, device_allowance, guest_payer, payer_for, terms_of
from billing.models import Subscription
from orgs.models import Membership
from tests import cast

pytestmark = pytest.mark.django_db


def test_without_subscription_the_free_trial_counts():
    allowance = device_allowance(cast.make_person())
    assert (allowance.plan, allowance.limit, allowance.organization) == (FREE_TRIAL, 1, None)


def test_own_plan_counts(outsider):
    assert (device_allowance(outsider).plan, device_allowance(outsider).limit) == (INDIVIDUAL, 3)


def test_organization_s_plan_counts_for_who_works_there(provider, clinic):
    allowance = device_allowance(provider)
    assert (allowance.plan, allowance.limit, allowance.organization) == (TEAM, 5, clinic)


def test_most_generous_of_several_plans_counts(provider):
    cast.subscribe(provider, INDIVIDUAL)
    hospital = cast.make_organization("Hill Hospital", ENTERPRISE)
    cast.join(hospital, provider)
    assert (device_allowance(provider).limit, device_allowance(provider).organization) == (None, hospital)


def test_ended_membership_and_ended_subscription_count_no_longer(provider, clinic):
    provider.memberships.update(ended_at=timezone.now())
    assert device_allowance(provider).plan == FREE_TRIAL
    other = cast.make_person()
    cast.join(clinic, other)
    Subscription.objects.filter(organization=clinic).update(ended_at=timezone.now())
    assert device_allowance(other).plan == FREE_TRIAL


def test_patient_stands_outside_of_every_plan(patient):
    assert (device_allowance(patient).plan, device_allowance(patient).limit) == (PATIENT, 3)


def test_patient_who_works_elsewhere_has_that_plan(patient):
    cast.join(cast.make_organization(), patient, Membership.Role.PROVIDER)
    assert device_allowance(patient).plan == TEAM


def test_a_stranger_s_plan_never_counts(provider, outsider):
    cast.join(cast.make_organization("Elsewhere", ENTERPRISE), outsider)
    assert device_allowance(provider).plan == TEAM


def test_allowance_takes_two_queries_however_many_organizations(provider, django_assert_num_queries):
    for _ in range(5):
        cast.join(cast.make_organization(), provider)
    with django_assert_num_queries(2):
        assert device_allowance(provider).limit == 5


def test_session_is_paid_by_its_organization_or_its_creator(provider, clinic):
    assert payer_for(provider, clinic) == Payer(organization_id=clinic.pk)
    assert payer_for(provider, None) == Payer(person_id=provider.pk)


def test_team_s_quota_is_per_working_member(clinic, provider, colleague, patient):
    terms = terms_of(payer_for(provider, clinic), at=timezone.now())
    assert (terms.plan, terms.seats, terms.quota) == (TEAM, 2, 1000)


def test_enterprise_has_no_quota(provider):
    hospital = cast.make_organization("Hill Hospital", ENTERPRISE)
    cast.join(hospital, provider)
    assert terms_of(payer_for(provider, hospital), at=timezone.now()).quota is None


def test_guest_and_patient_and_trial_have_quotas_that_never_reset(patient):
    now = timezone.now()
    for payer, plan, quota in [
        (guest_payer("a" * 64), GUEST, 3),
        (payer_for(patient, None), PATIENT, 0),
        (payer_for(cast.make_person(), None), FREE_TRIAL, 10),
    ]:
        terms = terms_of(payer, at=now)
        assert (terms.plan, terms.quota, terms.period) == (plan, quota, None)
