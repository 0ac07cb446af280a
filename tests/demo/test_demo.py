import io
from collections import Counter

import pytest
from django.core.management import call_command
from django.db import transaction
from django.db.models import Count, F, Q
from django.utils import timezone

from accounts.models import Person
from billing.catalogue import QuotaSpan
from billing.models import SessionUse, UsagePeriod
from devices.limits import places
from devices.models import Device, DeviceAuthorization
from medimic.demo.accounts import ACCOUNTS
from orgs.models import Membership
from sessions_app import sole_keys
from sessions_app.models import Participant, Visit

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo")]
EMAILS = [email for email, _what in ACCOUNTS]
SIGNED_IN_PAGES = (
    "/",
    "/sessions/",
    "/settings/devices/",
    "/settings/",
    "/settings/security/",
    "/settings/activity/",
)


@pytest.fixture(scope="module")
def demo(django_db_setup, django_db_blocker, tmp_path_factory):
    """The demonstration data, made once for all of these tests."""
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch, transaction.atomic():
        patch.setattr("django.conf.settings.VAR_DIR", tmp_path_factory.mktemp("var"))
        call_command("demo", stdout=io.StringIO())
        yield
        transaction.set_rollback(True)


def test_devices_keep_every_rule():
    now = timezone.now()
    for person in Person.objects.all():
        found = places(person)
        assert found.allowance.limit is None or found.taken <= found.allowance.limit, person
    solo = places(Person.objects.get(email="solo@demo.example"))
    assert solo.allowance.limit - solo.taken == 1
    assert not places(Person.objects.get(email="trial@demo.example")).has_free
    owned = Device.objects.exclude(owner_person=None)
    living = Q(authorizations__account=F("owner_person"), authorizations__revoked_at=None)
    assert owned.filter(living).distinct().count() == owned.count()
    assert not Device.objects.exclude(place="").filter(owner_organization=None).exists()
    rows = DeviceAuthorization.objects
    assert not rows.filter(Q(last_seen_at__gt=now) | Q(created_at__gt=now) | Q(revoked_at__gt=now)).exists()
    assert not rows.filter(
        Q(last_seen_at__lt=F("activated_at")) | Q(revoked_at__lt=F("last_seen_at"))
    ).exists()
    shared = Device.objects.annotate(accounts=Count("authorizations")).filter(accounts__gt=1)
    assert shared.count() >= 4
    assert Counter(rows.values_list("revoked_reason", flat=True)).keys() >= {
        "", "self", "disuse", "organization", "staff",
    }  # fmt: skip


def test_sessions_happened_where_and_when_they_could():
    now = timezone.now()
    visits = Visit.objects.all()
    assert visits.count() > 500
    assert not visits.filter(started_at__gt=now).exists()
    late = Q(started_at__gt=F("authorization__last_seen_at"), host__isnull=False)
    assert not visits.filter(
        late | Q(started_at__lt=F("authorization__activated_at"), host__isnull=False)
    ).exists()
    assert not visits.filter(authorization__revoked_at__lt=F("started_at")).exists()
    assert not visits.exclude(authorization__account=F("host")).filter(host__isnull=False).exists()
    assert Participant.objects.filter(is_host=True).count() == visits.count()
    assert visits.active(now).count() == 3
    assert visits.expired(now).count() > 10
    patients = Participant.objects.filter(role="patient", person__isnull=False)
    theirs = Membership.objects.filter(role="patient")
    for visit_org, person in patients.values_list("visit__organization", "person").distinct():
        assert theirs.filter(organization=visit_org, person=person).exists()


def test_counters_equal_their_rows_and_stay_below_the_quotas():
    assert SessionUse.objects.count() == Visit.objects.count()
    for period in UsagePeriod.objects.annotate(rows=Count("uses")):
        assert period.used == period.rows > 0
    for use in SessionUse.objects.select_related("period")[:200]:
        visit = Visit.objects.get(pk=use.session_id)
        assert visit.started_at == use.created_at >= use.period.starts_at
        assert visit.organization_id == use.period.organization_id
        if visit.organization_id is None:
            assert visit.host_id == use.period.person_id
    for person in Person.objects.exclude(subscriptions=None):
        for subscription in person.subscriptions.all():
            assert subscription.plan.quota_span is QuotaSpan.PERIOD
            used = UsagePeriod.objects.filter(person=person).values_list("used", flat=True)
            assert max(used, default=0) < subscription.plan.session_quota
    assert UsagePeriod.objects.get(person__email="trial@demo.example").used < 10
    assert UsagePeriod.objects.exclude(guest_device_hash="").get().used < 3


def test_every_account_s_pages_open(sign_in):
    for email in EMAILS:
        client = sign_in(Person.objects.get(email=email))
        for page in SIGNED_IN_PAGES:
            assert client.get(page).status_code == 200, (email, page)
        is_patient = email == "patient@clinic.example"
        assert client.get("/billing/").status_code == (404 if is_patient else 200), email
        assert client.get("/organization/", follow=True).status_code == (404 if is_patient else 200), email


def test_staff_have_their_groups_and_no_more():
    staff = {p.email: [g.name for g in p.groups.all()] for p in Person.objects.filter(is_staff=True)}
    assert staff == {"support@demo.example": ["Support"], "auditor@demo.example": ["Auditor"]}
    assert not Person.objects.filter(is_superuser=True).exists()


def test_some_transcripts_can_be_opened_by_one_phone_alone():
    provider = Person.objects.get(email="provider@clinic.example")
    kept = Visit.objects.filter(segments__isnull=False).distinct()
    assert {visit.host for visit in kept} == {provider}
    [phone] = {visit.authorization for visit in kept}
    assert sole_keys.on(phone) == kept.count() == 4
