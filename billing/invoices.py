"""Invoices and credit notes are issued here, whole, in the transaction of what they charge."""

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import F, Sum

from accounts.models import Person
from billing import notices
from billing.lines import Line, net_of, tax_on
from billing.models import GatewayName, Invoice, InvoiceCounter, InvoiceLine, LineKind, Subscription
from medimic.audit.log import SYSTEM, Origin, record

SERIES = {Invoice.Kind.INVOICE: "MM", Invoice.Kind.CREDIT_NOTE: "MC"}


class NothingToCredit(Exception):
    """More than is left of an invoice was to be given back, or nothing."""


def issue(
    subscription: Subscription,
    lines: Iterable[Line],
    *,
    at: dt.datetime,
    origin: Origin = SYSTEM,
    due_at: dt.datetime | None = None,
    gateway_invoice: str = "",
    paid_at: dt.datetime | None = None,
    tax_minor: int | None = None,
) -> Invoice | None:
    """An invoice over these lines and the tax on them; None where they come to nothing.

    In the transaction that changes what it charges, which holds the subscription's lock. The
    number is taken last: who waits for the next one waits for this transaction to end.
    `tax_minor` is the tax that a gateway has charged, which may round otherwise.
    Raises `ValueError` for a sum below nothing: giving back is `credit_note`'s.
    """
    lines = tuple(lines)
    net = net_of(lines)
    if net < 0:
        raise ValueError(f"an invoice over {net} would give money back")
    if not net and not gateway_invoice:
        return None
    tax = tax_on(net, subscription.tax_basis_points) if tax_minor is None else tax_minor
    invoice = Invoice(
        kind=Invoice.Kind.INVOICE,
        state=Invoice.State.PAID if paid_at else Invoice.State.OPEN,
        subscription=subscription,
        issued_at=at,
        due_at=due_at or at + dt.timedelta(days=settings.INVOICE_DAYS),
        paid_at=paid_at,
        total_minor=net + tax,
        tax_minor=tax,
        gateway_invoice=gateway_invoice,
        pay_to=settings.BILLING_ACCOUNT if subscription.gateway == GatewayName.OFFLINE else "",
        **_as_it_is_now(subscription),
    )
    _save(invoice, (*lines, _tax_line(tax, invoice.tax_basis_points)))
    _note("billing.invoice_issued", invoice, origin)
    notices.invoice_issued(invoice)
    return invoice


def credit_note(
    invoice: Invoice,
    *,
    at: dt.datetime,
    origin: Origin,
    reason: str,
    net_minor: int | None = None,
    gateway_invoice: str = "",
) -> Invoice:
    """Give an invoice back, whole (then it is credited) or so much of it without tax.

    The note of an unpaid invoice is settled at once: it is set off. That of a paid one is open until
    the money is back. Its tax is that of all that was given back so far, less what earlier notes
    gave: in the end not a cent more or less than the invoice's. The caller holds the
    subscription's lock. Raises `NothingToCredit`.
    """
    given = invoice.credit_notes.aggregate(total=Sum("total_minor"), tax=Sum("tax_minor"))
    tax_before = -(given["tax"] or 0)
    net_before = -(given["total"] or 0) - tax_before
    left = invoice.net_minor - net_before
    net = left if net_minor is None else net_minor
    if invoice.kind != Invoice.Kind.INVOICE or not 0 < net <= left:
        raise NothingToCredit
    is_all = net == left
    tax = (invoice.tax_minor if is_all else tax_on(net_before + net, invoice.tax_basis_points)) - tax_before
    was_paid = invoice.state == Invoice.State.PAID
    note = Invoice(
        kind=Invoice.Kind.CREDIT_NOTE,
        state=Invoice.State.OPEN if was_paid else Invoice.State.PAID,
        subscription=invoice.subscription,
        credits=invoice,
        issued_at=at,
        due_at=at,
        paid_at=None if was_paid else at,
        total_minor=-(net + tax),
        tax_minor=-tax,
        gateway_invoice=gateway_invoice,
        **_as_it_was(invoice),
    )
    if net_before or not is_all:
        given_back: Iterable[Line] = [Line(LineKind.CREDIT, -net, -net, data={"reason": reason[:200]})]
    else:
        given_back = [_back(line) for line in invoice.lines.all() if line.kind != LineKind.TAX]
    _save(note, (*given_back, _tax_line(-tax, note.tax_basis_points)))
    if is_all:
        invoice.credit()
    _note("billing.credited", note, origin, credits=invoice.number, reason=reason)
    return note


def billing_contact(subscription: Subscription) -> Person | None:
    """Whose language an invoice is in, and whom it goes to: the holder, or the longest-serving admin."""
    if subscription.person is not None:
        return subscription.person
    if subscription.organization is None:
        return None
    admins = subscription.organization.memberships.admins().select_related("person")
    first = admins.order_by("created_at", "id").first()
    return first.person if first else None


def _as_it_is_now(subscription: Subscription) -> dict[str, Any]:
    """What an invoice keeps of who it is for, since all of it may change."""
    contact = billing_contact(subscription)
    holder = subscription.person or subscription.organization
    return {
        "person_id": subscription.person_id,
        "organization_id": subscription.organization_id,
        "currency": subscription.currency,
        "tax_basis_points": subscription.tax_basis_points,
        "language": contact.language if contact else settings.LANGUAGE_CODE,
        "locale": contact.date_locale if contact else Person.DateLocale.EN_GB,
        "bill_to_name": subscription.bill_to_name or str(holder),
        "bill_to_email": (contact.email if contact else None) or "",
        "bill_to_address": subscription.bill_to_address,
        "bill_to_tax_id": subscription.bill_to_tax_id,
        "seller": settings.BILLING_SELLER,
        "gateway": subscription.gateway,
    }


def _as_it_was(invoice: Invoice) -> dict[str, Any]:
    """A credit note goes to whom its invoice went to, from whom it came."""
    kept = (
        "person_id", "organization_id", "currency", "tax_basis_points", "language", "locale",
        "bill_to_name", "bill_to_email", "bill_to_address", "bill_to_tax_id", "seller", "gateway",
    )  # fmt: skip
    return {name: getattr(invoice, name) for name in kept}


def _back(line: InvoiceLine) -> Line:
    return Line(
        LineKind.CREDIT,
        -line.amount_minor,
        -line.unit_minor,
        line.quantity,
        line.period_start,
        line.period_end,
        {**line.data, "of": line.kind},
    )


def _tax_line(tax_minor: int, basis_points: int) -> Line:
    """Also where the rate is nothing: that is said, too."""
    return Line(LineKind.TAX, tax_minor, tax_minor, data={"rate": basis_points})


def _save(invoice: Invoice, lines: tuple[Line, ...]) -> None:
    if not connection.in_atomic_block:
        raise RuntimeError("an invoice must be issued in the transaction of what it charges")
    if net_of(lines) != invoice.total_minor:
        raise ValueError(f"lines of {net_of(lines)} make no invoice over {invoice.total_minor}")
    invoice.line_count = len(lines)
    invoice.number = _next_number(Invoice.Kind(invoice.kind), invoice.issued_at)
    invoice.save(force_insert=True)
    InvoiceLine.objects.bulk_create(rows_of(invoice, lines))


def rows_of(invoice: Invoice, lines: Iterable[Line]) -> Iterator[InvoiceLine]:
    """The lines as they are kept, in this order."""
    for position, line in enumerate(lines, start=1):
        yield InvoiceLine(
            invoice=invoice,
            position=position,
            kind=line.kind,
            data=line.data,
            quantity=line.quantity,
            unit_minor=line.unit_minor,
            amount_minor=line.amount_minor,
            period_start=line.start,
            period_end=line.end,
        )


def number_of(series: str, year: int, count: int) -> str:
    """ "MM-2026-000123"."""
    return f"{series}-{year}-{count:06}"


def _next_number(kind: Invoice.Kind, at: dt.datetime) -> str:
    """Gapless, since the counter stands or falls with the invoice."""
    series, year = SERIES[kind], at.astimezone(dt.UTC).year
    rows = InvoiceCounter.objects.filter(series=series, year=year)
    if not rows.update(last=F("last") + 1):
        InvoiceCounter.objects.bulk_create([InvoiceCounter(series=series, year=year)], ignore_conflicts=True)
        rows.update(last=F("last") + 1)
    return number_of(series, year, rows.get().last)


def _note(kind: str, invoice: Invoice, origin: Origin, **details: str) -> None:
    record(
        kind,
        origin=origin,
        person_id=invoice.person_id,
        organization_id=invoice.organization_id,
        subject=invoice,
        details={
            "number": invoice.number,
            "minor": invoice.total_minor,
            "currency": invoice.currency,
            **details,
        },
    )
