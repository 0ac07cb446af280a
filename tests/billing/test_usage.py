import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from billing.catalogue import FREE_TRIAL, TEAM
from billing.entitlements import guest_payer, payer_for
from billing.models import SessionUse, Subscription, UsagePeriod
from billing.usage import QuotaExceeded, charge, summary
from tests import cast

pytestmark = pytest.mark.both

RACERS = 50


def use(payer, times=1, *, at=None):
    for _ in range(times):
        with transaction.atomic():
            charge(uuid.uuid4(), payer, at=at or timezone.now())


@pytest.mark.django_db
def test_charge_counts_and_keeps_a_line(outsider):
    payer = payer_for(outsider, None)
    use(payer, 2)
    assert summary(payer, at=timezone.now()).used == 2
    assert SessionUse.objects.filter(period__person=outsider).count() == 2


@pytest.mark.django_db
def test_guest_has_three_sessions_ever():
    payer = guest_payer("f" * 64)
    use(payer, 3)
    with pytest.raises(QuotaExceeded) as refused:
        use(payer, at=timezone.now() + timedelta(days=800))
    assert (refused.value.plan.code, refused.value.quota, refused.value.used) == ("guest", 3, 3)
    assert SessionUse.objects.count() == 3


@pytest.mark.django_db
def test_patient_is_refused_the_first_session(patient):
    with pytest.raises(QuotaExceeded):
        use(payer_for(patient, None))


@pytest.mark.django_db
def test_quota_starts_anew_with_the_next_period(outsider):
    payer, now = payer_for(outsider, None), timezone.now()
    use(payer, at=now)
    UsagePeriod.objects.update(used=200)
    with pytest.raises(QuotaExceeded):
        use(payer, at=now)
    use(payer, at=now + timedelta(days=32))
    assert summary(payer, at=now + timedelta(days=32)).used == 1


@pytest.mark.django_db
def test_organization_s_sessions_are_counted_together_and_apart_from_its_people_s(
    clinic, provider, colleague
):
    use(payer_for(provider, clinic))
    use(payer_for(colleague, clinic))
    use(payer_for(provider, None))
    assert summary(payer_for(colleague, clinic), at=timezone.now()).used == 2
    own = summary(payer_for(provider, None), at=timezone.now())
    assert (own.plan, own.used, own.remaining) == (FREE_TRIAL, 1, 9)


@pytest.mark.django_db
def test_summary_names_the_period(clinic, provider):
    found = summary(payer_for(provider, clinic), at=timezone.now())
    assert (found.plan, found.quota, found.used) == (TEAM, 500, 0)
    assert found.period_start.date() == Subscription.objects.get(organization=clinic).anchor_at.date()
    assert timedelta(days=28) <= found.period_end - found.period_start <= timedelta(days=31)


@pytest.mark.django_db
def test_session_is_charged_once(outsider):
    session, payer = uuid.uuid4(), payer_for(outsider, None)
    with transaction.atomic():
        charge(session, payer, at=timezone.now())
    with pytest.raises(IntegrityError), transaction.atomic():
        charge(session, payer, at=timezone.now())
    assert summary(payer, at=timezone.now()).used == 1


@pytest.mark.django_db
def test_session_that_is_rolled_back_is_not_charged(outsider):
    payer = payer_for(outsider, None)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        use(payer) or 1 / 0
    assert summary(payer, at=timezone.now()).used == 0


@pytest.mark.django_db(transaction=True)
def test_charge_outside_of_a_transaction_is_refused(outsider):
    with pytest.raises(RuntimeError):
        charge(uuid.uuid4(), payer_for(outsider, None), at=timezone.now())


def race(attempt):
    """How many of RACERS attempts, all in threads of their own, went through."""

    start = Barrier(RACERS)

    def run(_) -> bool:
        start.wait(timeout=30)
        try:
            return attempt()
        finally:
            connection.close()

    with ThreadPoolExecutor(RACERS) as pool:
        return sum(pool.map(run, range(RACERS)))


def charged(payer) -> bool:
    try:
        use(payer)
    except QuotaExceeded:
        return False
    return True


@pytest.mark.django_db(transaction=True)
def test_fifty_at_once_at_quota_minus_one_let_one_through():
    payer = payer_for(cast.make_person(), None)
    use(payer, 9)
    assert race(lambda: charged(payer)) == 1
    assert UsagePeriod.objects.get().used == SessionUse.objects.count() == 10


@pytest.mark.django_db(transaction=True)
def test_fifty_first_sessions_at_once_share_one_counter():
    payer = payer_for(cast.make_person(), None)
    assert race(lambda: charged(payer)) == 10
    assert UsagePeriod.objects.get().used == SessionUse.objects.count() == 10


@pytest.mark.django_db(transaction=True)
def test_control_reading_before_writing_lets_too_many_through():
    """Without the condition inside of the update, the race above does catch it."""
    payer = payer_for(cast.make_person(), None)
    use(payer, 9)
    all_have_read = Barrier(RACERS)

    def naive() -> bool:
        period = UsagePeriod.objects.get()
        all_have_read.wait(timeout=30)
        if period.used >= 10:
            return False
        UsagePeriod.objects.filter(pk=period.pk).update(used=period.used + 1)
        return True

    assert race(naive) > 1
