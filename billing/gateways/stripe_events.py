"""Acting on what an event hints at."""

import datetime as dt
from typing import TYPE_CHECKING

from django.utils import timezone

from billing.gateways import GatewayError
from billing.gateways import stripe_upkeep as upkeep
from billing.gateways.stripe_customers import adopt_card, alone, session_of
from billing.gateways.stripe_hints import Hint
from billing.gateways.stripe_mirror import customer_by_id, mirror
from billing.models import GatewayCustomer, GatewayEvent, GatewayName, Invoice, Subscription

if TYPE_CHECKING:
    from stripe.checkout import Session

CARD_GIVEN = "checkout.session.completed"
KINDS = frozenset(
    {
        CARD_GIVEN,
        "customer.updated",
        "customer.subscription.created",
        "customer.subscription.updated",
        "customer.subscription.deleted",
        "invoice.paid",
        "invoice.payment_failed",
        "invoice.payment_action_required",
        "invoice.voided",
        "invoice.marked_uncollectible",
    }
)


class Repeated(Exception):
    """The event has been acted upon before."""


def act_on(hint: Hint, *, at: dt.datetime | None = None) -> bool:
    """Follow what Stripe knows of the customer that an event is about; False for one that is not ours to
    act on, or was acted on before.

    The event is stored in the transaction that acts on it: either both have happened or neither,
    and it may come again. Raises `Unavailable`, and then nothing has happened.
    """
    at = at or timezone.now()
    if hint.kind not in KINDS or _is_stored(hint):
        return False
    customer = customer_by_id(hint.customer_id)
    if customer is None:
        # Other things may be sold on the same account.
        return False
    if hint.kind == CARD_GIVEN:
        try:
            adopt_card(customer, session_of(hint.object_id))
        except LookupError:
            return False

    def store(subscription: Subscription | None) -> None:
        # The customer's row is locked: of many at once one finds it missing.
        if _is_stored(hint):
            raise Repeated
        GatewayEvent.objects.create(
            gateway=GatewayName.STRIPE,
            event_id=hint.event_id,
            kind=hint.kind,
            received_at=at,
            handled_at=at,
            subscription=subscription or _last_of(customer),
        )

    try:
        mirror(customer, at=at, also=store)
    except Repeated:
        return False
    if hint.kind == CARD_GIVEN:
        _pay_with_new_card(customer, at)
    return True


def take_card(customer: GatewayCustomer, session: "Session", *, at: dt.datetime) -> None:
    """The person is back from the page that took their card. Raises `Unavailable`."""
    adopt_card(customer, session)
    mirror(customer, at=at)
    _pay_with_new_card(customer, at)


def _pay_with_new_card(customer: GatewayCustomer, at: dt.datetime) -> None:
    owing = Subscription.objects.filter(
        gateway=GatewayName.STRIPE,
        gateway_customer=customer.customer_id,
        invoices__in=Invoice.objects.owed().exclude(gateway_invoice=""),
    ).distinct()
    for subscription in owing:
        try:
            with alone(customer):
                upkeep.pay_what_is_owed(subscription, at)
        except GatewayError as error:
            upkeep.later("what is owed", error)


def _is_stored(hint: Hint) -> bool:
    return GatewayEvent.objects.filter(gateway=GatewayName.STRIPE, event_id=hint.event_id).exists()


def _last_of(customer: GatewayCustomer) -> Subscription | None:
    return Subscription.objects.filter(gateway_customer=customer.customer_id).order_by("-anchor_at").first()
