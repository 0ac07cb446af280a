"""What Stripe knows of a customer, as plain values: subscriptions, invoices and the card.

Fetched anew whenever something has happened, whatever an event said about it.
"""

import datetime as dt
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from billing.catalogue import PLANS, Plan
from billing.gateways.stripe_catalogue import PRODUCT, plan_of
from billing.gateways.stripe_client import client
from billing.lines import Line
from billing.models import GatewayCustomer, LineKind
from billing.periods import Period
from billing.proration import day_of

if TYPE_CHECKING:
    from stripe import Invoice, InvoiceLineItem, PaymentMethod, Subscription
    from stripe.params import InvoiceListParams

logger = logging.getLogger(__name__)

# Those that serve their customer: what waits for its first payment does not, what is over neither.
LIVING = ("active", "past_due", "unpaid", "trialing", "paused")
PAGE = 20


@dataclass(frozen=True)
class RemoteInvoice:
    """One that was finalized. `tax_minor` is as Stripe rounded it, `lines` are without tax."""

    id: str
    status: str
    was_tried: bool
    lines: tuple[Line, ...]
    tax_minor: int
    total_minor: int
    issued_at: dt.datetime
    paid_at: dt.datetime | None


@dataclass(frozen=True)
class RemoteSubscription:
    """One of ours: a plan and so many seats, paid for `period` (in whole days of UTC)."""

    id: str
    status: str
    plan: Plan
    seats: int
    price_minor: int
    item_id: str
    price_id: str
    anchor_at: dt.datetime
    starts: int
    ends: int
    cancel_at_period_end: bool
    ended_at: dt.datetime | None
    latest_invoice: str
    is_pending: bool

    @property
    def is_living(self) -> bool:
        return self.status in LIVING

    @property
    def period(self) -> Period:
        return Period(_midnight(self.starts), _midnight(self.ends))

    def proration_date(self, at: dt.datetime) -> int:
        """The instant of the period that makes Stripe, which counts seconds, count whole days until `at`."""
        days = max((day_of(at) - day_of(self.period.start)).days, 0)
        return min(self.starts + days * 24 * 3600, self.ends - 1)


@dataclass(frozen=True)
class Remote:
    """A customer with their subscriptions: those that live, and the one that we think lives."""

    card_id: str
    card: str
    subscriptions: tuple[RemoteSubscription, ...]
    invoices: dict[str, tuple[RemoteInvoice, ...]]


def fetch(customer: GatewayCustomer, known: str, mirrored: set[str]) -> Remote:
    """`known` is the id of the subscription that lives here; of invoices those `mirrored` end the search.

    The order is that in which things come to be: an invoice that is made between two of these
    calls belongs to what the first one told, and the next event brings it.
    """
    found = client().v1.customers.retrieve(
        customer.customer_id, {"expand": ["invoice_settings.default_payment_method"]}
    )
    card = found.invoice_settings.default_payment_method if found.invoice_settings else None
    subscriptions = tuple(_subscriptions(customer.customer_id, known))
    return Remote(
        card_id=card.id if card and not isinstance(card, str) else "",
        card=card_text(card) if card and not isinstance(card, str) else "",
        subscriptions=subscriptions,
        invoices={one.id: tuple(_invoices(one.id, mirrored)) for one in subscriptions},
    )


def _subscriptions(customer_id: str, known: str) -> Iterator[RemoteSubscription]:
    """The one that is known first, so that its end makes room for another."""
    listed = client().v1.subscriptions.list({"customer": customer_id, "status": "all", "limit": PAGE}).data
    ours = [one for one in listed if one.id == known or one.status in LIVING]
    for one in sorted(ours, key=lambda one: (one.id != known, one.created)):
        try:
            yield subscription_of(one)
        except LookupError as error:
            logger.error("Stripe has a subscription that is none of ours: %s", error)


def subscription_of(found: "Subscription") -> RemoteSubscription:
    """Raises `LookupError` for one that is not for a plan of ours."""
    # Not `found.items`: that is the method of a mapping.
    items = found["items"].data
    if len(items) != 1:
        raise LookupError(f"{found.id} has {len(items)} items")
    item = items[0]
    latest = found.latest_invoice
    return RemoteSubscription(
        id=found.id,
        status=found.status,
        plan=plan_of(item.price),
        seats=item.quantity or 1,
        price_minor=item.price.unit_amount or 0,
        item_id=item.id,
        price_id=item.price.id,
        anchor_at=_instant(found.billing_cycle_anchor),
        starts=item.current_period_start,
        ends=item.current_period_end,
        cancel_at_period_end=found.cancel_at_period_end,
        ended_at=_instant(found.ended_at) if found.ended_at else None,
        latest_invoice=(latest if isinstance(latest, str) else latest.id) if latest else "",
        is_pending=found.pending_update is not None,
    )


def _invoices(subscription_id: str, mirrored: set[str]) -> Iterator[RemoteInvoice]:
    """Those that say what was charged, oldest first, back to where all are mirrored."""
    newest_first: list[RemoteInvoice] = []
    asked: InvoiceListParams = {"subscription": subscription_id, "limit": PAGE}
    while True:
        page = client().v1.invoices.list(asked)
        newest_first += [invoice_of(one) for one in page.data if one.status != "draft"]
        if not page.has_more or all(one.id in mirrored or one.status == "void" for one in page.data):
            return iter(reversed(newest_first))
        asked = {**asked, "starting_after": page.data[-1].id}


def invoice_of(found: "Invoice") -> RemoteInvoice:
    paid = found.status_transitions.paid_at
    return RemoteInvoice(
        id=found.id,
        status=found.status or "",
        was_tried=found.attempted,
        lines=tuple(line_of(line) for line in found.lines.auto_paging_iter()),
        tax_minor=sum(tax.amount for tax in found.total_taxes or []),
        total_minor=found.total,
        issued_at=_instant(found.status_transitions.finalized_at or found.created),
        paid_at=_instant(paid) if paid else None,
    )


def line_of(line: "InvoiceLineItem") -> Line:
    """In our words where it is for a plan; what somebody wrote in Stripe's Dashboard as it stands there."""
    start, end = (day_of(_instant(at)) for at in (line.period.start, line.period.end))
    days: dict[str, Any] = {"start": start, "end": end} if start < end else {}
    plan = _plan_of_line(line)
    if plan is None or line.pricing is None:
        reason = (line.description or "")[:200]
        return Line(LineKind.ADJUSTMENT, line.amount, line.amount, data={"reason": reason}, **days)
    unit = int(Decimal(line.pricing.unit_amount_decimal or 0))
    kind = LineKind.PLAN
    if _is_proration(line):
        kind = LineKind.UNUSED if line.amount < 0 else LineKind.REMAINING
    sign = -1 if kind is LineKind.UNUSED else 1
    return Line(kind, line.amount, sign * unit, line.quantity or 1, data={"plan": plan.code}, **days)


def _plan_of_line(line: "InvoiceLineItem") -> Plan | None:
    details = line.pricing.price_details if line.pricing else None
    product = details.product if details else ""
    return PLANS.get(product.removeprefix(PRODUCT)) if product.startswith(PRODUCT) else None


def _is_proration(line: "InvoiceLineItem") -> bool:
    details = line.parent.subscription_item_details if line.parent else None
    return bool(details and details.proration)


def card_text(method: "PaymentMethod") -> str:
    """ "Visa •••• 4242"; the kind of anything but a card."""
    card = getattr(method, "card", None)
    if card is None:
        return str(method.type)[:80]
    return f"{card.brand.title()} •••• {card.last4}"[:80]


def _instant(stamp: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(stamp, dt.UTC)


def _midnight(stamp: int) -> dt.datetime:
    return _instant(stamp).replace(hour=0, minute=0, second=0, microsecond=0)
