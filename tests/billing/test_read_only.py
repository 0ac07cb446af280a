"""Fourteen days past due: nothing new begins, and everything else goes on."""

import datetime as dt

import pytest
from django.utils import timezone

from billing import payments
from billing.catalogue import ENTERPRISE, INDIVIDUAL, TEAM
from billing.entitlements import device_allowance
from billing.gateways.offline import Offline
from billing.models import Invoice, Subscription
from billing.past_due import run
from devices import actions, pool
from medimic.audit.log import SYSTEM
from orgs.models import Membership
from tests import cast
from tests.devices.kit import call, just_now, link_for, log_in, refused, sign_in_device, token_in

pytestmark = pytest.mark.django_db
SESSION = {"name": "Knee", "mode": "shared_device", "organization_id": None}


def make_read_only(holder) -> None:
    holder.subscriptions.update(past_due_since=timezone.now() - dt.timedelta(days=15))


@pytest.fixture
def solo(db):
    """On Individual, with a device, and an invoice that has been due for 15 days."""
    person = cast.make_person("Sol", "Solo")
    start = timezone.now() - dt.timedelta(days=29)
    Offline().subscribe(person, INDIVIDUAL, seats=1, by=person, origin=SYSTEM, at=start)
    person.phone = sign_in_device(person)
    run(timezone.now())
    return person


class TestSessions:
    def test_from_a_device_are_refused_with_the_way_out(self, solo):
        answer = call("post", "sessions", SESSION, token=solo.phone.tokens.access_token)
        document = refused(answer, 402, "payment_required") and answer.json()
        assert document["pay_at"].endswith("/billing/")
        assert document["title"] == "Payment required"

    def test_from_the_web_are_refused_on_the_page_which_keeps_what_was_typed(self, solo, sign_in):
        wanted = {"name": "Knee", "mode": "shared_device", "organization": "none", "key": "k" * 43}
        page = sign_in(solo).post("/sessions/new/", wanted)
        assert page.status_code == 402
        text = page.content.decode()
        assert "has been due for more than 14 days" in text
        assert 'value="Knee"' in text
        assert 'href="/billing/"' in text

    def test_go_on_the_moment_it_is_paid(self, solo):
        payments.settle(Invoice.objects.get(), origin=SYSTEM, at=timezone.now())
        answer = call("post", "sessions", SESSION, token=solo.phone.tokens.access_token)
        assert answer.status_code == 201

    def test_under_another_payer_go_on(self, solo, clinic):
        cast.join(clinic, solo)
        wanted = {**SESSION, "organization_id": str(clinic.pk)}
        assert call("post", "sessions", wanted, token=solo.phone.tokens.access_token).status_code == 201

    def test_of_an_organization_are_refused_to_its_people(self, clinic, provider):
        make_read_only(clinic)
        phone = sign_in_device(provider)
        wanted = {**SESSION, "organization_id": str(clinic.pk)}
        answer = call("post", "sessions", wanted, token=phone.tokens.access_token)
        assert refused(answer, 402, "payment_required")
        assert answer.json()["pay_at"].endswith(f"/organizations/{clinic.slug}/billing/")


class TestDevices:
    def test_beside_those_there_are_are_refused_although_a_place_is_free(self, solo, sign_in):
        with pytest.raises(Exception, match="payment_required"):
            link_for(solo)

    def test_whose_link_was_made_before_are_refused_and_keep_their_link(self, outsider):
        token = token_in(link_for(outsider).link)
        make_read_only(outsider)
        assert refused(log_in(token), 402, "payment_required")
        Subscription.objects.update(past_due_since=None)
        assert log_in(token).status_code == 200

    def test_that_are_known_sign_in_again(self, solo):
        """No new place is taken: a reinstall finds its own."""
        refreshed = call(
            "post",
            "token",
            {"grant_type": "refresh_token", "refresh_token": solo.phone.tokens.refresh_token},
        )
        assert refreshed.status_code == 200

    def test_can_always_be_revoked(self, solo):
        assert actions.revoke(authorization=solo.phone.authorization, by=solo, origin=SYSTEM)

    def test_fit_under_a_plan_that_is_paid(self, solo, clinic):
        cast.join(clinic, solo)
        assert device_allowance(solo).growth_limit == TEAM.device_limit
        assert link_for(solo)

    def test_of_members_of_an_organization_find_the_place_of_their_own_trial(self, clinic, provider):
        make_read_only(clinic)
        allowance = device_allowance(provider)
        assert (allowance.plan, allowance.limit, allowance.growth_limit) == (TEAM, 5, 1)
        sign_in_device(provider)
        with pytest.raises(Exception, match="payment_required"):
            link_for(provider)

    def test_go_into_no_pool(self, admin, provider, clinic):
        clinic.subscriptions.update(plan_code=ENTERPRISE.code)
        row = sign_in_device(provider).authorization
        asked = pool.ask(authorization=row, organization=clinic, place="Room 2", by=admin, origin=SYSTEM)
        make_read_only(clinic)
        with pytest.raises(pool.NotPossible, match="paid"):
            pool.accept(request=asked, by=provider, origin=SYSTEM)

    def test_of_a_pool_take_no_further_account(self, admin, provider, colleague, clinic):
        clinic.subscriptions.update(plan_code=ENTERPRISE.code)
        tablet = {"device_id": "the-tablet-in-exam-room-2", "device_type_id": "tablet"}
        row = sign_in_device(provider, **tablet).authorization
        asked = pool.ask(authorization=row, organization=clinic, place="Room 2", by=admin, origin=SYSTEM)
        pool.accept(request=asked, by=provider, origin=SYSTEM)
        link = link_for(colleague).link
        make_read_only(clinic)
        assert refused(log_in(token_in(link), **tablet), 402, "payment_required")


class TestEverythingElse:
    PAGES = ("/", "/sessions/", "/settings/devices/", "/settings/activity/", "/billing/")

    @pytest.mark.parametrize("page", PAGES)
    def test_is_read_as_before(self, solo, sign_in, page):
        assert sign_in(solo).get(page).status_code == 200

    def test_is_exported_as_before(self, solo, sign_in):
        assert just_now(sign_in(solo)).get("/sessions/export/").status_code == 200

    def test_of_an_organization_is_read_as_before(self, clinic, admin, sign_in):
        make_read_only(clinic)
        client = sign_in(admin)
        for page in ("", "members/", "devices/", "settings/", "billing/"):
            assert client.get(f"/organizations/{clinic.slug}/{page}").status_code == 200
        assert clinic.memberships.filter(role=Membership.Role.ADMIN).exists()
