"""At four fifths of a quota a mail, once; and what support grants on top."""

import datetime as dt
import uuid

import pytest
from django.db import transaction
from django.utils import timezone

from billing.catalogue import ENTERPRISE, FREE_TRIAL, INDIVIDUAL
from billing.entitlements import guest_payer, payer_for
from billing.models import Subscription, UsagePeriod
from billing.usage import QuotaExceeded, charge, grant, summary
from medimic.audit.log import SYSTEM
from medimic.audit.models import AuditEvent
from medimic.audit.presenters import sentence
from tests import cast
from tests.orgs import kit

pytestmark = pytest.mark.django_db
MAIL = "billing.nearly_used"


def use(payer, times=1):
    for _ in range(times):
        with transaction.atomic():
            charge(uuid.uuid4(), payer, at=timezone.now())


def used_before(payer, number):
    use(payer)
    UsagePeriod.objects.update(used=number)


class TestNote:
    def test_goes_out_with_the_session_that_reaches_four_fifths(self, outsider):
        payer = payer_for(outsider, None)
        used_before(payer, 158)
        use(payer)
        assert kit.mails(MAIL) == []
        assert not summary(payer, at=timezone.now()).is_nearly_used
        use(payer)
        [mail] = kit.mails(MAIL)
        assert mail["to"] == outsider.email
        assert "160 of 200" in mail["subject"]
        assert summary(payer, at=timezone.now()).is_nearly_used

    def test_goes_out_once_for_a_period(self, outsider):
        payer = payer_for(outsider, None)
        used_before(payer, 170)
        use(payer, 5)
        assert len(kit.mails(MAIL)) == 1

    def test_goes_out_again_in_the_next_period(self, outsider):
        payer = payer_for(outsider, None)
        used_before(payer, 170)
        use(payer)
        UsagePeriod.objects.update(starts_at=timezone.now() - dt.timedelta(days=400))
        use(payer)
        UsagePeriod.objects.filter(used=1).update(used=170)
        use(payer)
        assert len(kit.mails(MAIL)) == 2

    def test_about_an_organization_s_goes_to_its_admins(self, clinic, admin, provider):
        payer = payer_for(provider, clinic)
        used_before(payer, 2 * 500 * 4 // 5)
        use(payer)
        assert [mail["to"] for mail in kit.mails(MAIL)] == [admin.email]

    def test_about_a_free_trial_says_how_many_are_left(self, db):
        person = cast.make_person()
        use(payer_for(person, None), 8)
        [mail] = kit.mails(MAIL)
        assert "2 are left" in mail["text"]

    def test_is_not_for_guests_and_not_without_a_quota(self, clinic, provider):
        use(guest_payer("f" * 64), 3)
        Subscription.objects.update(plan_code=ENTERPRISE.code)
        used_before(payer_for(provider, clinic), 100_000)
        use(payer_for(provider, clinic))
        assert kit.mails(MAIL) == []

    def test_of_a_session_that_is_undone_is_not_sent(self, outsider):
        payer = payer_for(outsider, None)
        used_before(payer, 170)
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            use(payer) or 1 / 0
        assert kit.mails(MAIL) == []
        use(payer)
        assert len(kit.mails(MAIL)) == 1


class TestGranted:
    def test_sessions_come_on_top_of_a_used_up_trial(self, db):
        person = cast.make_person()
        payer = payer_for(person, None)
        use(payer, 10)
        with pytest.raises(QuotaExceeded):
            use(payer)
        grant(payer, 5, origin=SYSTEM, reason="Trial extended", at=timezone.now())
        use(payer, 5)
        with pytest.raises(QuotaExceeded) as refused:
            use(payer)
        assert (refused.value.plan, refused.value.quota, refused.value.used) == (FREE_TRIAL, 15, 15)

    def test_sessions_show_in_the_summary(self, outsider):
        payer = payer_for(outsider, None)
        grant(payer, 20, origin=SYSTEM, reason="An outage", at=timezone.now())
        found = summary(payer, at=timezone.now())
        assert (found.quota, found.remaining) == (INDIVIDUAL.session_quota + 20, 220)

    def test_sessions_are_on_record_with_their_reason(self, outsider):
        grant(payer_for(outsider, None), 20, origin=SYSTEM, reason="An outage", at=timezone.now())
        row = AuditEvent.objects.get(kind="billing.sessions_granted")
        assert row.person_id == outsider.pk
        assert sentence(row) == "20 sessions were granted on top of the plan: An outage"

    def test_nothing_is_refused(self, outsider):
        with pytest.raises(ValueError, match="at least one"):
            grant(payer_for(outsider, None), 0, origin=SYSTEM, reason="", at=timezone.now())
