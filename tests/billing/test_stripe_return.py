"""`/billing/stripe/return/`: people on their way back from the page that took their card."""

import datetime as dt

import pytest
from django.utils import timezone

from billing.catalogue import INDIVIDUAL
from billing.gateways import stripe as gateways
from billing.models import GatewayCustomer, Invoice
from billing.money import money
from medimic.audit.log import SYSTEM
from tests.billing.stripe_kit import with_card

pytestmark = pytest.mark.django_db
GATEWAY = gateways.gateway()
BACK = "/billing/stripe/return/"


def been_there(stripe, holder, return_url="http://localhost:8000/billing/plans/", behaviour="ok"):
    """Sent to the page, and back: the path and query that Stripe leads to."""
    GATEWAY.payment_method_url(holder, return_url=return_url)
    address = stripe.complete_checkout(stripe.of("checkout.session")[0]["id"], behaviour)
    assert address.startswith("http://localhost:8000" + BACK)
    return address.removeprefix("http://localhost:8000")


def test_card_is_there_and_the_person_where_they_were(stripe, outsider, sign_in):
    answer = sign_in(outsider).get(been_there(stripe, outsider))
    assert (answer.status_code, answer.url) == (302, "http://localhost:8000/billing/plans/")
    assert GatewayCustomer.objects.get().payment_method == "Visa •••• 4242"


def test_an_admin_is_back_for_their_organization(stripe, clinic, admin, sign_in):
    assert sign_in(admin).get(been_there(stripe, clinic)).status_code == 302
    assert GatewayCustomer.objects.get(organization=clinic).payment_method_id


def test_somebody_elses_way_back_is_nobodys(stripe, outsider, provider, clinic, sign_in):
    own, organizations = been_there(stripe, outsider), been_there(stripe, clinic)
    assert sign_in(provider).get(own).status_code == 404
    assert sign_in(outsider).get(organizations).status_code == 404
    assert sign_in(provider).get(organizations).status_code == 403
    assert not GatewayCustomer.objects.exclude(payment_method_id="").exists()


def test_another_address_than_ours_is_not_gone_to(stripe, outsider, sign_in):
    address = been_there(stripe, outsider, return_url="https://evil.example/")
    assert sign_in(outsider).get(address).url == "/billing/"


@pytest.mark.parametrize("session", ["", "cs_unknown", "sub_1", "../customers", "cs_" + "x" * 300])
def test_what_is_no_session_is_not_found(stripe, outsider, sign_in, session):
    assert sign_in(outsider).get(BACK, {"session": session}).status_code == 404


def test_before_the_card_was_given_nothing_is_taken(stripe, outsider, sign_in):
    GATEWAY.payment_method_url(outsider, return_url="http://localhost:8000/billing/")
    session = stripe.of("checkout.session")[0]["id"]
    assert sign_in(outsider).get(BACK, {"session": session}).status_code == 302
    assert not GatewayCustomer.objects.get().payment_method_id


def test_while_stripe_is_away_the_event_makes_up_for_it(stripe, outsider, sign_in):
    address = been_there(stripe, outsider)
    stripe.fail("unavailable", times=10)
    assert sign_in(outsider).get(address).url == "/billing/"


def test_a_new_card_pays_what_is_owed_at_once(stripe, patient, sign_in):
    with_card(stripe, patient)
    start = timezone.now()
    how = {"by": None, "origin": SYSTEM, "at": start}
    GATEWAY.subscribe(patient, INDIVIDUAL, seats=1, **how)
    stripe.behave("declined")
    stripe.turn_clock(start + dt.timedelta(days=32))
    from billing.gateways import stripe_reconciliation

    stripe_reconciliation.run(start + dt.timedelta(days=32))
    assert Invoice.objects.owed().count() == 1
    assert sign_in(patient).get(been_there(stripe, patient)).status_code == 302
    assert Invoice.objects.owed().count() == 0
    assert money(stripe.taken(), "EUR", "en_GB") == "€58.00"
