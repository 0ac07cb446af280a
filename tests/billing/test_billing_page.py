import uuid

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing.catalogue import ENTERPRISE
from billing.entitlements import payer_for
from billing.models import UsagePeriod
from billing.usage import charge
from tests import cast

pytestmark = pytest.mark.django_db


def use(person, organization=None, times=1):
    for _ in range(times):
        with transaction.atomic():
            charge(uuid.uuid4(), payer_for(person, organization), at=timezone.now())


def page_for(client):
    response = client.get("/billing/")
    assert response.status_code == 200
    return response.content.decode()


def test_anonymous_is_asked_to_sign_in(client):
    assert client.get("/billing/")["Location"].startswith("/accounts/login/")


def test_post_is_refused(sign_in, outsider):
    assert sign_in(outsider).post("/billing/").status_code == 405


def test_own_plan_stands_with_usage_renewal_devices_and_price(sign_in, outsider):
    use(outsider, times=2)
    page = page_for(sign_in(outsider))
    assert "2 of 200 sessions used" in page
    assert "198 left" in page
    assert "3 devices" in page
    assert "€29.00 a month" in page
    assert "Next renewal" in page
    assert '<svg class="bars"' in page


def test_price_stays_as_agreed_when_the_catalogue_s_differs(sign_in, outsider):
    outsider.subscriptions.update(price_minor=1550)
    assert "€15.50 a month" in page_for(sign_in(outsider))


def test_trial_does_not_renew_and_says_when_it_is_used_up(sign_in):
    person = cast.make_person()
    use(person, times=10)
    page = page_for(sign_in(person))
    assert "10 of 10 sessions used" in page
    assert "All sessions of this plan are used" in page
    assert "counted once and for all" in page


def test_admin_sees_the_organization_s_price_and_days(sign_in, admin, provider, clinic):
    use(provider, clinic)
    page = page_for(sign_in(admin))
    assert "1 of 1000 sessions used" in page
    assert "€49.00 per provider and month" in page
    assert "Upgrade Plan" in page
    assert '<svg class="bars"' in page


def test_provider_sees_who_pays_and_neither_price_nor_days(sign_in, admin, provider, colleague, clinic):
    use(colleague, clinic)
    page = page_for(sign_in(provider))
    assert "Lakeside Clinic pays for the sessions" in page
    assert "Ada Admin" in page
    assert "1 of 1500 sessions used" in page
    assert "€49.00" not in page
    assert "Upgrade Plan" not in page
    assert "Payment method" not in page
    assert '<svg class="bars"' not in page


def test_own_plan_stands_beside_the_organization_s(sign_in, provider, clinic):
    cast.subscribe(provider)
    page = page_for(sign_in(provider))
    assert "Lakeside Clinic" in page
    assert "Your own plan" in page


def test_patient_has_no_billing(sign_in, patient):
    assert sign_in(patient).get("/billing/").status_code == 404


def test_patient_who_pays_for_a_plan_sees_it(sign_in, patient):
    cast.subscribe(patient)
    assert "Individual" in page_for(sign_in(patient))


def test_nothing_of_others_is_shown(sign_in, provider, clinic, outsider):
    hospital = cast.make_organization("Hill Hospital", ENTERPRISE)
    cast.join(hospital, outsider)
    use(outsider, hospital, times=3)
    page = page_for(sign_in(provider))
    assert "Hill Hospital" not in page
    assert "0 of 500" in page


def test_many_sessions_and_organizations_cost_the_same_queries(sign_in, admin, clinic):
    client = sign_in(admin)

    def queries():
        with CaptureQueriesContext(connection) as captured:
            page_for(client)
        return len(captured)

    use(admin, clinic)
    # One that somebody else manages, whose name takes a query of its own.
    cast.join(cast.make_organization(), admin)
    # The first request of a browser also notes that it is in use.
    page_for(client)
    few = queries()
    use(admin, clinic, times=30)
    for _ in range(4):
        cast.join(cast.make_organization(), admin)
    assert queries() == few
    assert UsagePeriod.objects.count() == 1
