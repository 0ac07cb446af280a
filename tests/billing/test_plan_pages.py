"""Upgrade Plan, and what belongs to it: what is shown before the click is what happens after it."""

import datetime as dt
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing import subscriptions
from billing.catalogue import ENTERPRISE, INDIVIDUAL, TEAM
from billing.gateways import ActionNeeded, Declined, Unavailable
from billing.gateways.offline import Offline
from billing.models import Invoice, Subscription
from medimic.audit.models import AuditEvent
from orgs.models import Organization
from tests import cast
from tests.devices.kit import just_now

pytestmark = pytest.mark.django_db


@pytest.fixture
def solo(db):
    """A provider without a plan."""
    return cast.make_person("Sol", "Solo", email="solo@people.example")


def text(response, status=200) -> str:
    assert response.status_code == status, response
    # Amounts and names hold spaces that no line breaks at.
    return " ".join(response.content.decode().replace("\xa0", " ").split())


def agreed(page: str) -> dict[str, str]:
    """What the form of a page confirms."""
    return dict(re.findall(r'name="(due|next|seats)" value="(\d+)"', page))


def home(clinic) -> str:
    return f"/organizations/{clinic.slug}/billing/"


def choose(client, path):
    """Open the page of a plan, and click."""
    return client.post(path, agreed(text(client.get(path))))


def living(holder) -> Subscription | None:
    return subscriptions.living_of(holder)


class TestComparing:
    def test_says_before_the_click_what_is_charged_today_and_at_the_renewal(self, sign_in, solo):
        page = text(sign_in(solo).get("/billing/plans/"))
        for words in ("Free Trial", "Individual", "Team", "Enterprise", "Charged today", "€29.00 a month"):
            assert words in page
        assert "Choose Individual" in page
        assert "For an organization: you name it next" in page

    def test_organization_is_offered_what_is_for_organizations(self, sign_in, admin, provider, clinic):
        clinic.subscriptions.update(seats=2)
        page = text(sign_in(admin).get(f"{home(clinic)}plans/"))
        assert "Choose Enterprise" in page
        assert "Choose Individual" not in page
        assert "For one person, not for an organization" in page
        assert "2 providers" in page

    def test_amounts_are_of_the_agreed_tax(self, sign_in, solo, settings):
        settings.TAX_RATE_BASIS_POINTS = 1900
        page = text(sign_in(solo).get("/billing/plans/"))
        assert "€34.51" in page
        assert "Tax 19%" in page

    def test_is_there_while_the_payment_service_is_not(self, sign_in, solo, monkeypatch):
        monkeypatch.setattr(Offline, "preview", fails(Unavailable()))
        page = text(sign_in(solo).get("/billing/plans/"))
        assert "does not answer" in page
        assert "Choose" not in page


def fails(error):
    def call(*args, **kwargs):
        raise error

    return call


class TestUpgrading:
    def test_takes_effect_at_once_and_is_invoiced(self, sign_in, solo):
        client = just_now(sign_in(solo))
        page = text(client.get("/billing/plans/individual/"))
        assert "Upgrade to Individual for €29.00" in page
        assert choose(client, "/billing/plans/individual/").url == "/billing/"
        assert living(solo).plan == INDIVIDUAL
        assert Invoice.objects.get(person=solo).total_minor == 2900
        assert AuditEvent.objects.filter(kind="billing.subscribed", person_id=solo.pk).exists()
        assert "You are on Individual from now on" in text(client.get("/billing/"))

    def test_charges_what_was_shown_by_the_day(self, sign_in, admin, provider, clinic):
        start = timezone.now() - dt.timedelta(days=10)
        clinic.subscriptions.update(seats=2, period_start=start, period_end=start + dt.timedelta(days=30))
        client = just_now(sign_in(admin))
        path = f"{home(clinic)}plans/enterprise/"
        shown = agreed(text(client.get(path)))
        assert choose(client, path).url == home(clinic)
        assert living(clinic).plan == ENTERPRISE
        assert str(Invoice.objects.get(organization=clinic).total_minor) == shown["due"]
        assert 0 < int(shown["due"]) < 2 * (9900 - 4900)

    def test_asks_again_where_the_amount_is_another_by_now(self, sign_in, solo):
        client = just_now(sign_in(solo))
        response = client.post("/billing/plans/individual/", {"due": "2800", "next": "2900"})
        assert "The amounts have changed" in text(response)
        assert living(solo) is None

    def test_second_click_changes_and_charges_nothing(self, sign_in, solo):
        client = just_now(sign_in(solo))
        shown = agreed(text(client.get("/billing/plans/individual/")))
        client.post("/billing/plans/individual/", shown)
        # The plan is no longer one to choose.
        assert client.post("/billing/plans/individual/", shown).status_code == 404
        assert Invoice.objects.filter(person=solo).count() == 1

    def test_asks_for_a_recent_authentication(self, sign_in, solo):
        client = sign_in(solo)
        for response in (client.get("/billing/plans/individual/"), client.post("/billing/plans/individual/")):
            assert response.url.startswith("/accounts/reauthenticate/")
        assert living(solo) is None

    @pytest.mark.parametrize(
        ("error", "status", "words"),
        [
            (Declined("card_declined"), 409, "The payment was refused"),
            (Unavailable(), 503, "does not answer"),
            (ActionNeeded("https://pay.example/step"), 200, 'href="https://pay.example/step"'),
            (subscriptions.PaymentDue(), 409, "An invoice is overdue"),
        ],
    )
    def test_says_why_not_and_changes_nothing(self, sign_in, solo, monkeypatch, error, status, words):
        monkeypatch.setattr(Offline, "subscribe", fails(error))
        client = just_now(sign_in(solo))
        assert words in text(choose(client, "/billing/plans/individual/"), status)
        assert living(solo) is None

    @pytest.mark.parametrize("code", ["free_trial", "guest", "patient", "gold"])
    def test_no_other_plan_can_be_chosen(self, sign_in, solo, code):
        assert just_now(sign_in(solo)).get(f"/billing/plans/{code}/").status_code == 404

    def test_organization_cannot_choose_a_person_s_plan(self, sign_in, admin, clinic):
        client = just_now(sign_in(admin))
        assert client.get(f"{home(clinic)}plans/individual/").status_code == 404

    def test_provider_is_refused_and_a_stranger_finds_nothing(self, sign_in, provider, outsider, clinic):
        path = f"{home(clinic)}plans/enterprise/"
        assert just_now(sign_in(provider)).post(path).status_code == 403
        assert just_now(sign_in(outsider)).post(path).status_code == 404
        assert living(clinic).plan == TEAM


class TestBuyingForAnOrganization:
    def test_leads_through_naming_it(self, sign_in, solo):
        client = just_now(sign_in(solo))
        page = text(client.get("/billing/plans/team/"))
        assert "Buy Team for €49.00" in page
        assert "Name" in page
        response = client.post("/billing/plans/team/", {"name": "Hillside Practice"})
        organization = Organization.objects.get(name="Hillside Practice")
        assert response.url == home(organization)
        assert living(organization).plan == TEAM
        assert living(solo) is None
        assert "Hillside Practice is there on Team" in text(client.get(response.url))

    def test_own_plan_goes_on_and_that_is_said(self, sign_in, outsider):
        client = just_now(sign_in(outsider))
        assert "Your own Individual goes on" in text(client.get("/billing/plans/enterprise/"))
        client.post("/billing/plans/enterprise/", {"name": "Hillside Practice"})
        assert living(outsider).plan == INDIVIDUAL

    def test_keeps_what_was_typed_where_it_is_no_name(self, sign_in, solo):
        page = text(just_now(sign_in(solo)).post("/billing/plans/team/", {"name": "www.evil.example"}))
        assert "www.evil.example" in page
        assert not Organization.objects.exists()

    def test_declined_payment_leaves_the_organization_without_a_plan(self, sign_in, solo, monkeypatch):
        monkeypatch.setattr(Offline, "subscribe", fails(Declined()))
        client = just_now(sign_in(solo))
        page = text(client.post("/billing/plans/team/", {"name": "Hillside Practice"}), 409)
        organization = Organization.objects.get()
        assert f"{home(organization)}plans/" in page
        assert living(organization) is None

    def test_patient_cannot(self, sign_in, patient):
        assert just_now(sign_in(patient)).post("/billing/plans/team/", {"name": "X Y"}).status_code == 404
        cast.subscribe(patient)
        assert just_now(sign_in(patient)).post("/billing/plans/team/", {"name": "X Y"}).status_code == 404


class TestGettingSmaller:
    def test_downgrade_waits_for_the_period_s_end_and_says_what_no_longer_fits(
        self, sign_in, admin, clinic, monkeypatch
    ):
        clinic.subscriptions.update(plan_code=ENTERPRISE.code, price_minor=ENTERPRISE.price_minor)
        monkeypatch.setattr("medimic.flows.fitting._pool", lambda *args: "2 devices of the pool stay")
        client = just_now(sign_in(admin))
        path = f"{home(clinic)}plans/team/"
        page = text(client.get(path))
        assert "What no longer fits" in page
        assert "2 devices of the pool stay" in page
        assert "Nothing is revoked or deleted" in page
        choose(client, path)
        assert living(clinic).plan == ENTERPRISE
        assert living(clinic).next_plan == TEAM
        assert not Invoice.objects.exists()
        assert "Keep Enterprise" in text(client.get(home(clinic)))

    def test_cancelling_ends_it_with_the_period_and_can_be_taken_back(self, sign_in, outsider):
        client = just_now(sign_in(outsider))
        page = text(client.get("/billing/cancellation/"))
        assert "Cancel Individual?" in page
        assert "Free Trial holds 10 sessions in all, and 10 are left." in page
        assert client.post("/billing/cancellation/").url == "/billing/"
        assert living(outsider).cancel_at_period_end
        page = text(client.get("/billing/"))
        assert "the plan ends on" in page
        assert "/billing/cancellation/" not in page
        assert "It would end on" in text(client.get("/billing/resumption/"))
        client.post("/billing/resumption/")
        assert not living(outsider).cancel_at_period_end

    def test_resuming_asks_for_a_recent_authentication(self, sign_in, outsider):
        outsider.subscriptions.update(cancel_at_period_end=True)
        assert sign_in(outsider).post("/billing/resumption/").url.startswith("/accounts/reauthenticate/")
        assert living(outsider).cancel_at_period_end

    def test_nobody_cancels_for_others(self, sign_in, provider, outsider, clinic):
        path = f"{home(clinic)}cancellation/"
        assert sign_in(provider).post(path).status_code == 403
        assert sign_in(outsider).post(path).status_code == 404
        assert not living(clinic).cancel_at_period_end


class TestSeats:
    @pytest.fixture(autouse=True)
    def one(self, clinic):
        clinic.subscriptions.update(seats=1)

    def test_are_added_after_the_amount_was_shown(self, sign_in, admin, clinic):
        client = just_now(sign_in(admin))
        path = f"{home(clinic)}seats/"
        page = text(client.post(path, {"seats": "4"}))
        assert "Pay for 4 providers" in page
        assert living(clinic).seats == 1
        assert client.post(path, agreed(page)).url == home(clinic)
        assert living(clinic).seats == 4
        assert Invoice.objects.get(organization=clinic).total_minor == int(agreed(page)["due"])

    @pytest.mark.parametrize("seats", ["1", "0", "-4", "10001", "many", ""])
    def test_number_that_makes_no_sense_is_said_beside_the_field(self, sign_in, admin, clinic, seats):
        page = text(just_now(sign_in(admin)).post(f"{home(clinic)}seats/", {"seats": seats}))
        assert "field-error" in page
        assert living(clinic).seats == 1

    def test_plan_without_seats_has_no_such_page(self, sign_in, admin, clinic):
        clinic.subscriptions.update(ended_at=timezone.now())
        assert just_now(sign_in(admin)).get(f"{home(clinic)}seats/").status_code == 404


class TestDetails:
    def test_stand_on_the_next_invoice(self, sign_in, outsider):
        client = just_now(sign_in(outsider))
        typed = {"bill_to_name": "Olga Ltd", "bill_to_address": "1 Road\nTown", "bill_to_tax_id": "GB123"}
        assert client.post("/billing/details/", typed).url == "/billing/"
        page = text(client.get("/billing/"))
        assert all(word in page for word in ("Olga Ltd", "1 Road", "GB123"))
        assert AuditEvent.objects.get(kind="billing.details_changed").person_id == outsider.pk

    def test_saved_unchanged_leaves_no_entry(self, sign_in, outsider):
        sign_in(outsider).post("/billing/details/", {"bill_to_name": ""})
        assert not AuditEvent.objects.filter(kind="billing.details_changed").exists()

    def test_keep_what_was_typed_where_it_is_too_long(self, sign_in, outsider):
        page = text(sign_in(outsider).post("/billing/details/", {"bill_to_tax_id": "7" * 41}))
        assert "7" * 41 in page


class TestPaymentMethod:
    def test_by_invoice_it_is_said_how(self, sign_in, outsider):
        page = text(just_now(sign_in(outsider)).get("/billing/payment-method/"))
        assert "By bank transfer, on invoice" in page
        assert "Continue to the payment service" not in page

    def test_elsewhere_it_leads_there_by_a_link(self, sign_in, outsider, monkeypatch):
        monkeypatch.setattr(Offline, "payment_method_url", lambda *args, **kwargs: "https://pay.example/x")
        page = text(just_now(sign_in(outsider)).get("/billing/payment-method/"))
        assert 'href="https://pay.example/x"' in page


def test_comparing_costs_the_same_queries_whatever_the_members(sign_in, admin, clinic):
    client = sign_in(admin)

    def queries():
        with CaptureQueriesContext(connection) as captured:
            client.get(f"{home(clinic)}plans/")
        return len(captured)

    queries()
    few = queries()
    for _ in range(20):
        cast.join(clinic, cast.make_person())
    assert queries() == few
