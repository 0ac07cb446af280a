"""The calls that charge, and those that prepare the next charge.

Each has an idempotency key made of what it asks for and of how many answers there were before: the
same call, whose answer was lost, happens once; after an answer, whatever it was, it is a new one.
Whoever calls holds the customer's lease (`stripe_customers.alone`) and has followed before what
Stripe knows.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.db.models import F

from billing import subscriptions
from billing.catalogue import Plan
from billing.gateways import ActionNeeded, Declined
from billing.gateways.stripe_catalogue import price_id, tax_rate_ids
from billing.gateways.stripe_client import client, in_our_words
from billing.gateways.stripe_remote import RemoteSubscription, subscription_of
from billing.models import GatewayCustomer, Subscription

if TYPE_CHECKING:
    from stripe import Invoice


def key(customer: GatewayCustomer, verb: str, asked: Any) -> str:
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:32]
    return f"{verb}:{customer.pk}:{customer.answers}:{digest}"


@contextmanager
def one_answer(customer: GatewayCustomer) -> Iterator[None]:
    """Count it, unless there was none: then the same request must come once more, and be known again.

    A failure of Stripe's own is an answer, too, which it would only repeat.
    """
    from stripe import APIConnectionError, RateLimitError, StripeError

    try:
        yield
    except StripeError as error:
        is_under_way = error.http_status == 409
        if not (isinstance(error, (APIConnectionError, RateLimitError)) or is_under_way):
            _count(customer)
        raise
    _count(customer)


def _count(customer: GatewayCustomer) -> None:
    GatewayCustomer.objects.filter(pk=customer.pk).update(answers=F("answers") + 1)
    customer.refresh_from_db(fields=["answers"])


def remote_of(subscription: Subscription) -> RemoteSubscription:
    """Raises `Unavailable`."""
    with in_our_words():
        return subscription_of(client().v1.subscriptions.retrieve(subscription.gateway_subscription))


def create(customer: GatewayCustomer, plan: Plan, seats: int, *, currency: str, basis_points: int) -> None:
    """Start a subscription and take its first payment. Raises `Declined`, `ActionNeeded`, `Unavailable`."""
    with in_our_words():
        asked: Any = {
            "customer": customer.customer_id,
            "items": [{"price": price_id(plan, plan.price_minor, currency), "quantity": seats}],
            "payment_behavior": "allow_incomplete",
            "billing_mode": {"type": "flexible"},
            "metadata": {"holder": str(customer.pk)},
        }
        if basis_points:
            asked["default_tax_rates"] = tax_rate_ids(basis_points)
        once: Any = {"idempotency_key": key(customer, "subscribe", asked)}
        with one_answer(customer):
            made = client().v1.subscriptions.create(asked, once)
        if made.status != "incomplete":
            return
        invoice = _invoice(str(made.latest_invoice))
        if _asks_for_action(invoice):
            raise ActionNeeded(invoice.hosted_invoice_url or "")
        _cancel(made.id)
        raise Declined(_reason(invoice))


def waiting(customer: GatewayCustomer) -> list[tuple[RemoteSubscription, str]]:
    """Subscriptions whose first payment is not made, each with the page where it is."""
    with in_our_words():
        found = client().v1.subscriptions.list({"customer": customer.customer_id, "limit": 20}).data
        waiting = [subscription_of(one) for one in found if one.status == "incomplete"]
        pages = [_invoice(one.latest_invoice).hosted_invoice_url or "" for one in waiting]
    return list(zip(waiting, pages, strict=True))


def give_up(remote: RemoteSubscription) -> None:
    with in_our_words():
        _cancel(remote.id)


def _cancel(subscription_id: str) -> None:
    """Also where its answer was lost: such a call has no idempotency key, and the SDK repeats it."""
    from stripe import InvalidRequestError

    try:
        client().v1.subscriptions.cancel(subscription_id)
    except InvalidRequestError as error:
        if error.code != "resource_missing":
            raise


def charge_change(
    customer: GatewayCustomer,
    remote: RemoteSubscription,
    *,
    price: str | None,
    seats: int | None,
    at: dt.datetime,
) -> None:
    """Another price or so many seats from today on, if the difference is paid.

    Raises `Declined`, `ActionNeeded`, `Unavailable`; then all stays as it is, unless the person
    confirms the payment at the page that `ActionNeeded` names.
    """
    item: dict[str, Any] = {"id": remote.item_id}
    if price is not None:
        item["price"] = price
    if seats is not None:
        item["quantity"] = seats
    asked: Any = {
        "items": [item],
        "proration_behavior": "always_invoice",
        "proration_date": remote.proration_date(at),
        "payment_behavior": "pending_if_incomplete",
    }
    with in_our_words():
        with one_answer(customer):
            changed = client().v1.subscriptions.update(
                remote.id, asked, {"idempotency_key": key(customer, "change", [remote.id, asked])}
            )
        if changed.pending_update is None:
            return
        invoice = _invoice(str(changed.latest_invoice))
        if _asks_for_action(invoice):
            raise ActionNeeded(invoice.hosted_invoice_url or "")
        # Without it the change waits, and would come about with the next card.
        client().v1.invoices.void_invoice(invoice.id)
        raise Declined(_reason(invoice))


def charge_claimed(
    customer: GatewayCustomer, remote: RemoteSubscription, seats: int, at: dt.datetime
) -> None:
    """Seats that somebody sits on already: if the payment fails, its invoice is past due."""
    asked: Any = {
        "items": [{"id": remote.item_id, "quantity": seats}],
        "proration_behavior": "always_invoice",
        "proration_date": remote.proration_date(at),
        "payment_behavior": "allow_incomplete",
    }
    with in_our_words(), one_answer(customer):
        client().v1.subscriptions.update(
            remote.id, asked, {"idempotency_key": key(customer, "seats", [remote.id, asked])}
        )


def pay(invoice_id: str) -> None:
    """Try an open invoice once more. Raises `Declined`, `Unavailable`."""
    with in_our_words():
        client().v1.invoices.pay(invoice_id)


def as_paid(subscription: Subscription, customer: GatewayCustomer) -> tuple[str, int]:
    """Price and seats that the current period was charged for: what a proration must start from."""
    price = price_id(subscription.plan, subscription.price_minor, subscription.currency)
    return price, customer.charged_seats or subscription.seats


def as_next(subscription: Subscription, customer: GatewayCustomer) -> tuple[str, int]:
    """Price and seats of the next period, as they are chosen now; no more seats than were charged."""
    plan = subscription.next_plan or subscription.plan
    unit = subscription.price_minor if plan == subscription.plan else plan.price_minor
    needed = subscriptions.seats_needed(subscriptions.holder_of(subscription), plan)
    _, charged = as_paid(subscription, customer)
    return price_id(plan, unit, subscription.currency), min(needed, charged)


def put(
    remote: RemoteSubscription, wanted: tuple[str, int], *, cancel_at_period_end: bool | None = None
) -> bool:
    """Have the next invoice be over so many seats at that price, without charging anything now.

    False if it was so before. Raises `Unavailable`.
    """
    asked: Any = {}
    if (remote.price_id, remote.seats) != wanted:
        price, seats = wanted
        asked["items"] = [{"id": remote.item_id, "price": price, "quantity": seats}]
        asked["proration_behavior"] = "none"
    if cancel_at_period_end not in (None, remote.cancel_at_period_end):
        asked["cancel_at_period_end"] = cancel_at_period_end
    if not asked:
        return False
    with in_our_words():
        client().v1.subscriptions.update(remote.id, asked)
    return True


def go_on(subscription_id: str) -> None:
    """It does not end with its period. Raises `Unavailable`."""
    with in_our_words():
        client().v1.subscriptions.update(subscription_id, {"cancel_at_period_end": False})


def _invoice(invoice_id: str) -> "Invoice":
    return client().v1.invoices.retrieve(invoice_id, {"expand": ["payments.data.payment.payment_intent"]})


def _intents(invoice: "Invoice") -> list[Any]:
    payments = invoice.payments.data if invoice.payments else []
    intents = [one.payment.payment_intent for one in payments]
    return [one for one in intents if one is not None and not isinstance(one, str)]


def _asks_for_action(invoice: "Invoice") -> bool:
    return any(one.status == "requires_action" for one in _intents(invoice))


def _reason(invoice: "Invoice") -> str:
    for intent in _intents(invoice):
        error = intent.last_payment_error
        if error is not None:
            return str(getattr(error, "decline_code", None) or error.code or "card_declined")
    return "card_declined"
