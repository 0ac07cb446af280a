"""A year of invoices for everybody who pays, as the renewals would have issued them, without the mails."""

import datetime as dt
import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings

from accounts.models import Person
from billing import proration
from billing.invoices import SERIES, number_of, rows_of
from billing.lines import Line, net_of, tax_on
from billing.models import GatewayName, Invoice, InvoiceCounter, InvoiceLine, LineKind, Subscription
from billing.periods import Period, months_after
from billing.subscriptions import seats_needed, working_members
from medimic.demo.cast import Cast

CLINIC_ADDRESS = "4 Lakeside Road\nFernbrook FB2 7QD\nUnited Kingdom"
# Paid so many days after it was issued.
PAID_AFTER = dt.timedelta(days=6, hours=3)


@dataclass
class Draft:
    """An invoice without a number: those are given in the order of all invoices."""

    invoice: Invoice
    lines: tuple[Line, ...]


def tell(cast: Cast, now: dt.datetime) -> None:
    """Invoices of every subscription up to now, one credit note among them; some paid, one overdue."""
    overdue = cast.overdue
    drafts = [
        draft
        for subscription in Subscription.objects.select_related("person", "organization")
        for draft in _of(
            subscription, _contact(cast, subscription), now, is_paying=subscription.person != overdue
        )
    ]
    _save(sorted(drafts, key=lambda draft: (draft.invoice.issued_at, draft.invoice.subscription_id.hex)))
    for house in (cast.clinic, cast.hospital):
        seats = working_members(house.organization)
        Subscription.objects.filter(organization=house.organization).update(seats=seats)
    clinic = Subscription.objects.filter(organization=cast.clinic.organization)
    clinic.update(bill_to_name="Fernbrook Clinic Ltd", bill_to_address=CLINIC_ADDRESS)
    owed = Invoice.objects.filter(person=overdue).overdue(now).order_by("due_at").first()
    if owed:
        Subscription.objects.filter(person=overdue).update(past_due_since=owed.due_at, reminded_day=0)


def _contact(cast: Cast, subscription: Subscription) -> Person:
    if subscription.person:
        return subscription.person
    houses = (cast.clinic, cast.hospital)
    house = next(house for house in houses if house.organization == subscription.organization)
    return house.staff[0]


def _of(subscription: Subscription, contact: Person, now: dt.datetime, *, is_paying: bool) -> Iterator[Draft]:
    """One for each period; seats came one after the other, in the middle of the first periods."""
    plan, price = subscription.plan, subscription.price_minor
    final = seats_needed(subscription.person or subscription.organization, plan)  # type: ignore[arg-type]
    seats = min(final, 3)
    for month in itertools.count():
        period = _period(subscription, month)
        if period.start > now:
            break
        lines = proration.whole_period(plan, price, seats, period)
        yield _draft(subscription, contact, lines, period.start, now, is_paying=is_paying or period.end < now)
        joined = period.start + dt.timedelta(days=11, hours=9)
        if plan.per_seat and seats < final and joined < now:
            yield _draft(subscription, contact, _one_more(subscription, period, joined), joined, now)
            seats += 1


def _period(subscription: Subscription, month: int) -> Period:
    anchor = subscription.anchor_at.replace(hour=0, minute=0, second=0, microsecond=0)
    return Period(months_after(anchor, month), months_after(anchor, month + 1))


def _one_more(subscription: Subscription, period: Period, joined: dt.datetime) -> tuple[Line, ...]:
    amount = proration.remaining(subscription.price_minor, period, joined.date())
    data = {"plan": subscription.plan_code}
    line = Line(
        LineKind.SEATS, amount, subscription.price_minor, 1, joined.date(), period.end.date(), data=data
    )
    return (line,)


def _draft(
    subscription: Subscription,
    contact: Person,
    lines: tuple[Line, ...],
    at: dt.datetime,
    now: dt.datetime,
    *,
    is_paying: bool = True,
) -> Draft:
    issued = at + dt.timedelta(minutes=7)
    paid = issued + PAID_AFTER if is_paying and issued + PAID_AFTER < now else None
    tax = tax_on(net_of(lines), subscription.tax_basis_points)
    invoice = Invoice(
        subscription=subscription,
        person=subscription.person,
        organization=subscription.organization,
        state=Invoice.State.PAID if paid else Invoice.State.OPEN,
        issued_at=issued,
        due_at=issued + dt.timedelta(days=settings.INVOICE_DAYS),
        paid_at=paid,
        currency=subscription.currency,
        tax_basis_points=subscription.tax_basis_points,
        tax_minor=tax,
        total_minor=net_of(lines) + tax,
        language=contact.language,
        locale=contact.date_locale,
        bill_to_name=str(subscription.organization or contact.name),
        bill_to_email=contact.email or "",
        seller=settings.BILLING_SELLER,
        pay_to=settings.BILLING_ACCOUNT,
        gateway=GatewayName.OFFLINE,
    )
    return Draft(
        invoice, (*lines, Line(LineKind.TAX, tax, tax, data={"rate": subscription.tax_basis_points}))
    )


def _save(drafts: list[Draft]) -> None:
    series = SERIES[Invoice.Kind.INVOICE]
    last: Counter[int] = Counter()
    for draft in drafts:
        year = draft.invoice.issued_at.year
        last[year] += 1
        draft.invoice.number = number_of(series, year, last[year])
        draft.invoice.line_count = len(draft.lines)
    Invoice.objects.bulk_create(draft.invoice for draft in drafts)
    InvoiceLine.objects.bulk_create(row for draft in drafts for row in rows_of(draft.invoice, draft.lines))
    InvoiceCounter.objects.bulk_create(
        InvoiceCounter(series=series, year=year, last=number) for year, number in last.items()
    )
