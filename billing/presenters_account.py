"""What whoever looks after a plan sees of it: renewal, payment, seats, what is owed, the last invoices."""

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import F, Q, Window
from django.db.models.functions import RowNumber
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from billing.addresses import Addresses
from billing.arrangements import Arrangement
from billing.catalogue import ENTERPRISE
from billing.entitlements import Payer
from billing.lines import tax_on
from billing.models import GatewayName, Invoice, Status, Subscription
from billing.money import money
from billing.presenters import providers_text
from billing.presenters_invoices import InvoicePresenter, InvoiceRow
from medimic.formatting import Dates

# On the page itself; the others stand on a page of their own.
SHOWN_INVOICES = 5


@dataclass(frozen=True)
class Notice:
    """What must be seen before anything else; `tone` is a message's class."""

    tone: str
    title: str
    text: str
    href: str = ""
    action: str = ""


@dataclass(frozen=True)
class Account:
    """One managed holder, as the billing page prints it."""

    addresses: Addresses
    notices: list[Notice]
    renewal: str
    renewal_detail: str
    payment: str
    billed_to: list[str]
    seats: str
    can_upgrade: bool
    can_cancel: bool
    resumes: str
    has_subscription: bool
    invoices: list[InvoiceRow]
    has_more: bool


def accounts(arrangements: Iterable[Arrangement], dates: Dates, locale: str) -> dict[Payer, Account]:
    """For each of the payers, all of them managed by whoever looks; two queries."""
    managed = list(arrangements)
    latest = _latest([a.payer for a in managed])
    overdue = _overdue([a.payer for a in managed], dates.now)
    return {a.payer: _account(a, latest[a.payer], overdue.get(a.payer), dates, locale) for a in managed}


def _account(
    arrangement: Arrangement, invoices: list[Invoice], overdue: Invoice | None, dates: Dates, locale: str
) -> Account:
    subscription = arrangement.terms.subscription
    addresses = Addresses.of(arrangement.organization)
    rows = InvoicePresenter(addresses, dates, locale, at=dates.now)
    renewal, detail = renewal_text(subscription, dates, locale)
    is_ending = bool(subscription and subscription.cancel_at_period_end)
    is_changing = bool(subscription and subscription.next_plan_code)
    return Account(
        addresses=addresses,
        notices=standing_notices(subscription, overdue, addresses, rows, locale),
        renewal=renewal,
        renewal_detail=detail,
        payment=payment_text(subscription),
        billed_to=billed_to(subscription),
        seats=_seats_text(arrangement),
        can_upgrade=arrangement.terms.plan != ENTERPRISE,
        can_cancel=bool(subscription and subscription.price_minor and not is_ending),
        resumes=_("Keep %(plan)s") % {"plan": arrangement.terms.plan.name}
        if is_ending or is_changing
        else "",
        has_subscription=subscription is not None,
        invoices=rows.rows(invoices[:SHOWN_INVOICES]),
        has_more=len(invoices) > SHOWN_INVOICES,
    )


def renewal_text(subscription: Subscription | None, dates: Dates, locale: str) -> tuple[str, str]:
    """The day of the next renewal, and what is charged then, or happens in its place."""
    if subscription is None or subscription.period_end is None:
        return "", ""
    end = dates.day(subscription.period_end.astimezone(dt.UTC).date())
    if subscription.cancel_at_period_end:
        return _("None"), _("the plan ends on %(day)s") % {"day": end}
    plan = subscription.next_plan or subscription.plan
    price = plan.price_minor if subscription.next_plan else subscription.price_minor
    net = price * (subscription.seats if plan.per_seat else 1)
    total = net + tax_on(net, subscription.tax_basis_points)
    amount = money(total, subscription.currency, locale) if total else _("nothing to pay")
    if subscription.next_plan:
        return end, _("%(plan)s from then on · %(amount)s") % {"plan": plan.name, "amount": amount}
    return end, amount


def payment_text(subscription: Subscription | None) -> str:
    if subscription is None:
        return _("None")
    if subscription.payment_method:
        return subscription.payment_method
    if subscription.gateway == GatewayName.OFFLINE:
        return _("By bank transfer, on invoice")
    return _("None")


def billed_to(subscription: Subscription | None) -> list[str]:
    """The name and the lines of the address; empty where invoices go to the holder's name alone."""
    if subscription is None:
        return []
    lines = [
        subscription.bill_to_name,
        *subscription.bill_to_address.splitlines(),
        subscription.bill_to_tax_id,
    ]
    return [line for line in lines if line.strip()]


def _seats_text(arrangement: Arrangement) -> str:
    subscription = arrangement.terms.subscription
    if subscription is None or not arrangement.terms.plan.per_seat:
        return ""
    free = max(subscription.seats - arrangement.terms.seats, 0)
    paid = providers_text(subscription.seats)
    if not free:
        return paid
    return f"{paid} · " + ngettext("%(n)d seat is free", "%(n)d seats are free", free) % {"n": free}


def standing_notices(
    subscription: Subscription | None,
    overdue: Invoice | None,
    addresses: Addresses,
    rows: InvoicePresenter,
    locale: str,
) -> list[Notice]:
    """What is owed, and what that means: nothing is deleted, and paying lifts it."""
    if subscription is None or subscription.read_only_from is None:
        return []
    is_read_only = subscription.status(rows.at) is Status.READ_ONLY
    what = _("An invoice is overdue.")
    if overdue is not None:
        what = _("%(amount)s of invoice %(number)s was due on %(day)s.") % {
            "number": overdue.number,
            "amount": money(overdue.owed_minor, overdue.currency, locale),
            "day": rows.day(overdue.due_at),
        }
    if is_read_only:
        title = _("No new sessions and devices until the invoice is paid")
        then = _("Nothing is deleted: reading, exporting and revoking work as ever. Paying lifts it at once.")
    else:
        title = _("A payment is overdue")
        then = _("From %(day)s on, no new sessions and devices can be added until it is paid.") % {
            "day": rows.day(subscription.read_only_from)
        }
    if subscription.gateway == GatewayName.OFFLINE:
        href = addresses.invoice(overdue.pk) if overdue else addresses.invoices
        action = _("Download the invoice") if overdue else _("Invoices")
    else:
        href, action = addresses.payment_method, _("Change the payment method")
    return [Notice("is-danger" if is_read_only else "is-warning", title, f"{what} {then}", href, action)]


def _among(payers: Iterable[Payer]) -> Q:
    people = [p.person_id for p in payers if p.person_id]
    organizations = [p.organization_id for p in payers if p.organization_id]
    return Q(person__in=people) | Q(organization__in=organizations)


def _latest(payers: list[Payer]) -> dict[Payer, list[Invoice]]:
    """The newest invoices of each, and one more where there are more."""
    numbered = Invoice.objects.filter(_among(payers)).annotate(
        place=Window(
            RowNumber(), partition_by=[F("person"), F("organization")], order_by=["-issued_at", "-number"]
        )
    )
    found: dict[Payer, list[Invoice]] = defaultdict(list)
    for invoice in numbered.filter(place__lte=SHOWN_INVOICES + 1).order_by("-issued_at", "-number"):
        found[_payer(invoice)].append(invoice)
    return found


def _overdue(payers: list[Payer], at: dt.datetime) -> dict[Payer, Invoice]:
    """Of each, the one that is owed for longest."""
    owed = Invoice.objects.filter(_among(payers)).overdue(at).order_by("-due_at", "-number")
    return {_payer(invoice): invoice for invoice in owed}


def _payer(invoice: Invoice) -> Payer:
    person: uuid.UUID | None = invoice.person_id
    return Payer(person_id=person, organization_id=invoice.organization_id)
