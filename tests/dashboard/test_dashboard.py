import uuid
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing.catalogue import ENTERPRISE
from billing.entitlements import payer_for
from billing.models import UsagePeriod
from billing.usage import charge
from devices.actions import issue_link, revoke
from devices.models import Device, DeviceAuthorization
from medimic.audit.log import SYSTEM
from sessions_app.models import Participant, Visit
from tests import cast

pytestmark = pytest.mark.django_db


def give_device(person, model="iPhone 15 Pro") -> DeviceAuthorization:
    device = Device.objects.create(
        identifier_hash=uuid.uuid4().hex * 2,
        owner_person=person,
        model=model,
        device_type="phone",
        platform="ios",
        os_version="17.4",
        app_version="3.2.0",
    )
    now = timezone.now()
    return DeviceAuthorization.objects.create(
        account=person, device=device, activated_at=now, last_seen_at=now
    )


def hold_session(authorization, name="Follow-up", organization=None, *, ago=timedelta(minutes=5)) -> Visit:
    now = timezone.now() - ago
    with transaction.atomic():
        visit = Visit.objects.create(
            name=name,
            code="ABCDEF",
            mode="shared_device",
            host=authorization.account,
            organization=organization,
            authorization=authorization,
            started_at=now,
            expires_at=now + timedelta(hours=8),
            ended_at=now + timedelta(minutes=1),
        )
        charge(visit.pk, payer_for(authorization.account, organization), at=now)
    return visit


def page_for(client):
    response = client.get("/")
    assert response.status_code == 200
    return response.content.decode()


def test_anonymous_is_asked_to_sign_in(client):
    assert client.get("/")["Location"].startswith("/accounts/login/")


def test_post_is_refused(sign_in, outsider):
    assert sign_in(outsider).post("/").status_code == 405


def test_empty_dashboard_says_what_will_stand_there(sign_in, outsider):
    page = page_for(sign_in(outsider))
    for words in ("No sessions yet", "No devices yet", "0 of 200 sessions used", "3 places of 3 are free"):
        assert words in page


def test_four_parts_show_what_there_is(sign_in, outsider):
    authorization = give_device(outsider)
    hold_session(authorization, "Wound check")
    page = page_for(sign_in(outsider))
    for words in ("Recent Sessions", "Active Devices", "Usage Summary", "Quick Actions"):
        assert words in page
    for words in (
        "Wound check",
        "Ended",
        "iPhone 15 Pro",
        "iOS 17.4",
        "1 of 200 sessions used",
        "2 places of 3",
    ):
        assert words in page
    assert "Authenticate Device" in page


def test_bars_say_in_words_what_they_draw(sign_in, outsider):
    authorization = give_device(outsider)
    hold_session(authorization)
    hold_session(authorization)
    chart = sign_in(outsider).get("/").context["usage"][0].chart
    assert chart.bars.total == 2
    assert chart.total == "2 sessions"
    assert [count for _day, count in chart.days] == [2]


def test_only_the_latest_eight_sessions_are_shown(sign_in, outsider):
    authorization = give_device(outsider)
    for number in range(10):
        hold_session(authorization, f"Visit number {number:02}", ago=timedelta(minutes=30 - number))
    page = page_for(sign_in(outsider))
    assert "Visit number 09" in page
    assert "Visit number 01" not in page


def test_pending_and_revoked_devices_are_not_active(sign_in, outsider):
    gone = give_device(outsider, "Galaxy S24")
    revoke(authorization=gone, by=outsider, origin=SYSTEM)
    issue_link(account=outsider, by=outsider, name="Awaited phone", origin=SYSTEM)
    page = page_for(sign_in(outsider))
    assert "Galaxy S24" not in page
    assert "Awaited phone" not in page
    # The link that waits holds a place.
    assert "2 places of 3 are free" in page


def test_organization_s_usage_counts_everybody_s_sessions_and_the_bars_one_s_own(
    sign_in, provider, colleague, clinic
):
    hold_session(give_device(colleague), "Secret of a colleague", clinic)
    hold_session(give_device(provider), "Own visit", clinic)
    response = sign_in(provider).get("/")
    page = response.content.decode()
    assert "2 of 1000 sessions used" in page
    assert response.context["usage"][0].chart.bars.total == 1
    assert "Secret of a colleague" not in page


def test_admin_sees_no_name_of_another_s_session(sign_in, admin, provider, clinic):
    hold_session(give_device(provider), "Secret of a provider", clinic)
    assert "Secret of a provider" not in page_for(sign_in(admin))


def test_outsider_sees_nothing_of_the_clinic(sign_in, provider, outsider, clinic):
    hold_session(give_device(provider, "Pixel 8"), "Clinic visit", clinic)
    page = page_for(sign_in(outsider))
    assert "Clinic visit" not in page
    assert "Pixel 8" not in page
    assert clinic.name not in page


def test_patient_sees_sessions_and_devices_and_no_plan(sign_in, provider, patient, clinic):
    visit = hold_session(give_device(provider), "Physiotherapy plan", clinic)
    Participant.objects.create(visit=visit, person=patient, name=patient.name, role="patient")
    page = page_for(sign_in(patient))
    assert "Physiotherapy plan" in page
    assert "Usage Summary" not in page
    assert "/billing/" not in page
    assert "3 places of 3 are free" in page


def test_without_limit_the_page_says_so(sign_in, provider):
    cast.join(cast.make_organization("Hill Hospital", ENTERPRISE), provider)
    assert "Your plan sets no limit." in page_for(sign_in(provider))


def test_five_and_fifty_rows_cost_the_same_queries(sign_in, provider, clinic):
    client = sign_in(provider)

    def queries():
        with CaptureQueriesContext(connection) as captured:
            page_for(client)
        return len(captured)

    devices = [give_device(provider) for _ in range(5)]
    for number in range(5):
        hold_session(devices[number], organization=clinic)
    queries()  # the first one writes that this browser was seen
    few = queries()
    devices = [give_device(provider) for _ in range(20)]
    for number in range(45):
        hold_session(devices[number % 20], organization=clinic)
    cast.join(cast.make_organization(), provider)
    assert queries() == few
    assert few <= 20


def test_sessions_that_run_low_are_noted_with_the_way_out(sign_in, provider):
    person = cast.make_person()
    use(person, 7)
    assert "More than 80" not in page_for(sign_in(person))
    use(person, 1)
    page = page_for(sign_in(person))
    assert "More than 80" in page
    assert 'href="/billing/plans/"' in page


def test_who_cannot_upgrade_is_told_who_can(sign_in, provider, clinic):
    UsagePeriod.objects.create(
        organization=clinic, starts_at=clinic.subscriptions.get().period_start, used=400
    )
    page = page_for(sign_in(provider))
    assert "An admin of the organization can upgrade its plan." in page
    assert "/plans/" not in page


def use(person, times: int) -> None:
    for _ in range(times):
        with transaction.atomic():
            charge(uuid.uuid4(), payer_for(person, None), at=timezone.now())
