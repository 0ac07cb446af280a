"""What Stripe has yet to be told: seats claimed since the last charge, and what the next one is over.

Whoever calls holds the customer's lease.
"""

import datetime as dt
import logging

from billing.gateways import Declined, GatewayError
from billing.gateways import stripe_charges as charges
from billing.gateways.stripe_client import in_our_words
from billing.gateways.stripe_mirror import customer_of, mirror
from billing.models import Subscription

logger = logging.getLogger(__name__)

# Seats that nobody takes are taken off the next charge so long before it, by a job that runs every hour.
BEFORE_RENEWAL = dt.timedelta(days=3)


def tell_claimed(subscription: Subscription, at: dt.datetime) -> bool:
    """Charge for seats that were claimed since the last charge; False if there are none.

    As often as it is called, each seat is charged once: it says how many there are, and what was
    charged is looked up first. Raises `GatewayError`.
    """
    customer = customer_of(subscription)
    found = mirror(customer, at=at)
    customer.refresh_from_db()
    if found is None or found.pk != subscription.pk or found.seats <= customer.charged_seats:
        return False
    remote = charges.remote_of(found)
    with in_our_words():
        wanted = charges.as_paid(found, customer)
    if charges.put(remote, wanted):
        remote = charges.remote_of(found)
    charges.charge_claimed(customer, remote, found.seats, at)
    mirror(customer, at=at)
    return True


def has_next(subscription: Subscription, at: dt.datetime) -> bool:
    """Whether the next charge may differ from the last: by a smaller plan, or by seats that nobody takes."""
    if subscription.cancel_at_period_end or subscription.ended_at is not None:
        return False
    return bool(subscription.next_plan_code) or subscription.period.end - at <= BEFORE_RENEWAL


def tell_next(subscription: Subscription, at: dt.datetime) -> bool:
    """Have the next charge be over what is chosen for it; False if it was already. Raises `GatewayError`."""
    if not has_next(subscription, at):
        return False
    customer = customer_of(subscription)
    with in_our_words():
        wanted = charges.as_next(subscription, customer)
    return charges.put(charges.remote_of(subscription), wanted)


def pay_what_is_owed(subscription: Subscription, at: dt.datetime) -> bool:
    """Try each open invoice with the card of today; whether all are paid. Raises `Unavailable`."""
    for invoice in subscription.invoices.owed().exclude(gateway_invoice="").order_by("issued_at"):
        try:
            charges.pay(invoice.gateway_invoice)
        except Declined:
            break
    mirror(customer_of(subscription), at=at)
    return not subscription.invoices.owed().exists()


def later(what: str, error: GatewayError) -> None:
    """The reconciliation makes up for it."""
    logger.warning("%s: %s, to be tried again", what, type(error).__name__)
