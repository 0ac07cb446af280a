"""What tests of Stripe's side do again and again."""

from django.test import Client

from billing.gateways.stripe_customers import known_at_stripe
from billing.models import GatewayCustomer
from tests.billing.fake_stripe import FakeStripe
from tests.billing.fake_stripe.store import Thing

WEBHOOK = "/billing/webhooks/stripe/"


def with_card(stripe: FakeStripe, holder, behaviour: str = "ok") -> GatewayCustomer:
    """The holder gives a card on the hosted page, and the event of it arrives."""
    from billing.gateways.stripe import gateway

    gateway().payment_method_url(holder, return_url="http://localhost:8000/billing/")
    session = stripe.of("checkout.session")[0]
    stripe.complete_checkout(session["id"], behaviour)
    assert deliver(stripe, stripe.events("checkout.session.completed")[-1]).status_code == 200
    return known_at_stripe(holder)


def deliver(stripe: FakeStripe, event: Thing, client: Client | None = None, **how):
    """Send one event to the portal, signed."""
    body, signature = stripe.signed(event, **how)
    return (client or Client()).post(
        WEBHOOK, body, content_type="application/json", headers={"Stripe-Signature": signature}
    )


def deliver_all(stripe: FakeStripe) -> list[int]:
    """Send everything that has happened so far, as it happened."""
    return [deliver(stripe, event).status_code for event in stripe.events()]
