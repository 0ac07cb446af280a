"""A holder at Stripe: who they are there, the page where they give their card, and taking it over."""

import datetime as dt
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from accounts.models import Person
from billing.gateways import Holder, Unavailable
from billing.gateways.stripe_client import client, in_our_words
from billing.models import GatewayCustomer, GatewayName

if TYPE_CHECKING:
    from stripe.checkout import Session

# Stripe's pages speak these of ours.
LOCALES = ("en", "pl", "de")
# Longer than all calls of one act can take.
LEASE = dt.timedelta(minutes=5)
# Seconds that somebody at a page waits for another one's act.
PATIENCE = 8.0


def row_of(holder: Holder) -> GatewayCustomer:
    """The holder's row, made now if it is not there."""
    key = {"person": holder} if isinstance(holder, Person) else {"organization": holder}
    rows = GatewayCustomer.objects.filter(gateway=GatewayName.STRIPE, **key)
    if not rows.exists():
        GatewayCustomer.objects.bulk_create(
            [GatewayCustomer(gateway=GatewayName.STRIPE, **key)], ignore_conflicts=True
        )
    return rows.select_related("person", "organization").get()


def known_at_stripe(holder: Holder) -> GatewayCustomer:
    """The holder's row with a customer at Stripe. Raises `Unavailable`."""
    row = row_of(holder)
    if not row.customer_id:
        contact = _contact(holder)
        with in_our_words():
            made = client().v1.customers.create(
                {
                    "name": holder.name,
                    "email": (contact.email if contact else None) or "",
                    "preferred_locales": [contact.language] if contact else [],
                    "metadata": {"holder": str(row.pk)},
                },
                # Of many at once, and after an answer that was lost, all get the same one.
                {"idempotency_key": f"customer:{row.pk}"},
            )
        GatewayCustomer.objects.filter(pk=row.pk, customer_id="").update(customer_id=made.id)
        row.refresh_from_db()
    return row


@contextmanager
def alone(customer: GatewayCustomer) -> Iterator[None]:
    """Let nobody else change anything at Stripe for this customer until it is done.

    Of two clicks the second waits, and finds what the first has done. Raises `Unavailable` if that
    takes too long; a process that died in between is waited for no longer than `LEASE`.
    """
    token, give_up_at = uuid.uuid4(), time.monotonic() + PATIENCE
    rows = GatewayCustomer.objects.filter(pk=customer.pk)
    while True:
        now = timezone.now()
        is_free = Q(leased_until=None) | Q(leased_until__lt=now)
        if rows.filter(is_free).update(lease=token, leased_until=now + LEASE):
            break
        if time.monotonic() > give_up_at:
            raise Unavailable
        time.sleep(0.1)
    try:
        customer.refresh_from_db()
        yield
    finally:
        rows.filter(lease=token).update(lease=None, leased_until=None)


def payment_page(holder: Holder, *, return_url: str) -> str:
    """Stripe's page that takes a card for later payments. Raises `Unavailable`."""
    row = known_at_stripe(holder)
    contact = _contact(holder)
    language = contact.language if contact else ""
    back = settings.PORTAL_URL + reverse("stripe_return")
    asked: Any = {
        "mode": "setup",
        "customer": row.customer_id,
        "payment_method_types": ["card"],
        "locale": language if language in LOCALES else "auto",
        # Stripe fills its own words in.
        "success_url": f"{back}?session={{CHECKOUT_SESSION_ID}}",
        "cancel_url": return_url,
        "metadata": {"return_to": return_url[:500]},
    }
    with in_our_words():
        return str(client().v1.checkout.sessions.create(asked).url)


def session_of(session_id: str) -> "Session":
    """A visit to that page. Raises `LookupError` for one that Stripe does not know, and `Unavailable`."""
    from stripe import InvalidRequestError

    with in_our_words():
        try:
            return client().v1.checkout.sessions.retrieve(session_id, {"expand": ["setup_intent"]})
        except InvalidRequestError as error:
            if error.code == "resource_missing":
                raise LookupError(session_id) from error
            raise


def adopt_card(customer: GatewayCustomer, session: "Session") -> None:
    """Take the card that was given on the payment page for all payments from now on.

    Of two such pages the later one counts, in whatever order they are heard of. Raises `Unavailable`.
    """
    intent = session.setup_intent
    if session.status != "complete" or intent is None or isinstance(intent, str):
        return
    method = intent.payment_method
    card_id = method if isinstance(method, str) else method.id if method else ""
    given_at = dt.datetime.fromtimestamp(session.created, dt.UTC)
    is_latest = Q(payment_method_at=None) | Q(payment_method_at__lte=given_at)
    rows = GatewayCustomer.objects.filter(pk=customer.pk)
    if card_id and rows.filter(is_latest).update(payment_method_at=given_at, payment_method_id=card_id):
        _use(customer, card_id)
    # An earlier one may have come to Stripe after it, or its own call have failed.
    customer.refresh_from_db()
    if customer.payment_method_id and customer.payment_method_id != card_id:
        _use(customer, customer.payment_method_id)


def _use(customer: GatewayCustomer, card_id: str) -> None:
    with in_our_words():
        client().v1.customers.update(
            customer.customer_id, {"invoice_settings": {"default_payment_method": card_id}}
        )


def _contact(holder: Holder) -> Person | None:
    """Whom Stripe's receipts and pages address."""
    if isinstance(holder, Person):
        return holder
    admins = holder.memberships.admins().select_related("person").order_by("created_at", "id")
    first = admins.first()
    return first.person if first else None
