"""Money that came, or is given back: what follows from it follows at once."""

import datetime as dt

from django.db import transaction

from billing import invoices, notices, subscriptions
from billing.models import GatewayName, Invoice, Status, Subscription
from medimic.audit.log import Origin, record


def settle(invoice: Invoice, *, origin: Origin, at: dt.datetime, reason: str = "") -> bool:
    """An invoice is paid (a credit note: the money is back); False if it was settled before.

    Who was past due for it alone is so no more from here on. Of many at once one gets True.
    """
    with transaction.atomic():
        subscription = _lock(invoice)
        if not invoice.settle(at):
            return False
        record(
            "billing.invoice_paid" if invoice.kind == Invoice.Kind.INVOICE else "billing.refunded",
            origin=origin,
            person_id=invoice.person_id,
            organization_id=invoice.organization_id,
            subject=invoice,
            details={"number": invoice.number, "reason": reason},
        )
        _lift(subscription, origin=origin, at=at)
        return True


def credit(
    invoice: Invoice,
    *,
    origin: Origin,
    at: dt.datetime,
    reason: str,
    net_minor: int | None = None,
    gateway_invoice: str = "",
) -> Invoice:
    """Issue a credit note, over all that is left of an invoice or over so much of it without tax.

    Raises `billing.invoices.NothingToCredit`.
    """
    with transaction.atomic():
        subscription = _lock(invoice)
        fresh = Invoice.objects.get(pk=invoice.pk)
        note = invoices.credit_note(
            fresh, origin=origin, at=at, reason=reason, net_minor=net_minor, gateway_invoice=gateway_invoice
        )
        invoice.state = fresh.state
        _lift(subscription, origin=origin, at=at)
        return note


def _lock(invoice: Invoice) -> Subscription:
    """Its subscription, which may have ended, under the lock of its holder."""
    subscription = Subscription.objects.select_related("person", "organization").get(
        pk=invoice.subscription_id
    )
    subscriptions.hold(subscriptions.holder_of(subscription))
    subscription.refresh_from_db()
    return subscription


def _lift(subscription: Subscription, *, origin: Origin, at: dt.datetime) -> None:
    """No longer past due, if nothing is left overdue; a time of read-only is over, and is not charged."""
    was = subscription.status(at)
    if not subscriptions.refresh_standing(subscription, origin=origin, at=at):
        return
    if subscription.past_due_since is not None:
        return
    if was is Status.READ_ONLY:
        notices.lifted(subscription)
        if subscription.gateway == GatewayName.OFFLINE:
            change = subscriptions.go_on(subscription, at=at)
            invoices.issue(change.subscription, change.lines, at=at)
