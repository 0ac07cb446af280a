"""The plans side by side, and what choosing one would cost, as pages print them."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from billing.catalogue import CURRENCY, ENTERPRISE, FREE_TRIAL, INDIVIDUAL, TEAM, TIERS, Feature, Plan
from billing.desk import Desk
from billing.gateways import Quote
from billing.lines import net_of
from billing.presenters import Amount, devices_text, price_text, providers_text, sessions_text
from billing.wording import rate_text, words_of

NO_BREAK = "\u00a0"


@dataclass(frozen=True)
class PlanCard:
    """One plan beside the others; `due` is what is charged today and later, before the click."""

    code: str
    name: str | Promise
    price: Amount
    for_whom: str
    facts: list[tuple[str, Amount]]
    is_current: bool
    is_upgrade: bool
    due: list[tuple[str, str]]
    note: str
    action: str
    href: str


def plan_cards(desk: Desk, quotes: Mapping[str, Quote]) -> list[PlanCard]:
    """Every tier; a plan without a quote is shown without amounts."""
    return [_card(plan, desk, quotes.get(plan.code)) for plan in TIERS]


def _card(plan: Plan, desk: Desk, quote: Quote | None) -> PlanCard:
    is_current = plan == desk.plan
    agreed = desk.subscription if is_current else None
    action, href = _action(plan, desk, quote)
    return PlanCard(
        code=plan.code,
        name=plan.name,
        price=price_text(plan, agreed.price_minor, agreed.currency, desk.locale)
        if agreed
        else price_text(plan, plan.price_minor, quote.currency if quote else CURRENCY, desk.locale),
        for_whom=_for_whom(plan),
        facts=[
            (_("Sessions"), sessions_text(plan)),
            (_("Devices"), devices_text(plan)),
            (_("Members"), Amount(_("As many as you pay for") if plan.per_seat else _("You alone"))),
            (_("Device pool"), Amount(_("Yes") if Feature.POOL in plan.features else _("No"))),
        ],
        is_current=is_current,
        is_upgrade=bool(href and quote and is_at_once(quote, desk.at)),
        due=_due(quote, desk) if quote and not is_current else _running(desk) if is_current else [],
        note=_note(plan, desk, quote),
        action=action,
        href=href,
    )


def is_at_once(quote: Quote, at: dt.datetime) -> bool:
    """Whether the change takes effect with the click; otherwise with the end of the period."""
    return quote.effective_at <= at


def _for_whom(plan: Plan) -> str:
    return {
        FREE_TRIAL.code: _("To try it out."),
        INDIVIDUAL.code: _("For one provider."),
        TEAM.code: _("For a practice or a clinic that shares one plan."),
        ENTERPRISE.code: _("For clinics with devices that belong to rooms."),
    }[plan.code]


def _due(quote: Quote, desk: Desk) -> list[tuple[str, str]]:
    """What is charged today, from when it counts, and what comes at the renewal."""
    if is_at_once(quote, desk.at):
        return [
            (_("Charged today"), desk.money(quote.due_minor, quote.currency)),
            (_("Takes effect"), _("At once")),
            (_("From %(day)s on") % {"day": desk.day(quote.next_at)}, next_text(quote, desk)),
        ]
    return [
        (_("Charged today"), _("Nothing")),
        (_("Takes effect"), desk.day(quote.effective_at)),
        (_("From then on"), next_text(quote, desk)),
    ]


def _running(desk: Desk) -> list[tuple[str, str]]:
    subscription = desk.subscription
    if subscription is None or subscription.period_end is None:
        return []
    end = desk.day(subscription.period_end)
    if subscription.cancel_at_period_end:
        return [(_("Ends"), end)]
    if subscription.next_plan:
        return [(_("Changes to %(plan)s") % {"plan": subscription.next_plan.name}, end)]
    return [(_("Next renewal"), end)]


def next_text(quote: Quote, desk: Desk) -> str:
    """ "€196.00 a month"; with the number of providers where that is what it is made of."""
    if not quote.next_minor:
        return _("Nothing")
    text = _("%(amount)s a month") % {"amount": desk.money(quote.next_minor, quote.currency)}
    if not quote.plan.per_seat:
        return text
    # The number stays with its word where a narrow card breaks the line.
    return f"{text} · {providers_text(quote.seats).replace(' ', NO_BREAK)}"


def _note(plan: Plan, desk: Desk, quote: Quote | None) -> str:
    if plan.per_seat and not desk.organization:
        return _("For an organization: you name it next, and are its admin.")
    if not plan.per_seat and desk.organization and plan != FREE_TRIAL:
        return _("For one person, not for an organization.")
    if plan == FREE_TRIAL and desk.subscription:
        return _("What cancelling leaves you with.")
    if quote and not is_at_once(quote, desk.at) and plan != desk.plan:
        return _("You keep what is paid until then.")
    return ""


def _action(plan: Plan, desk: Desk, quote: Quote | None) -> tuple[str, str]:
    subscription = desk.subscription
    name = {"plan": plan.name}
    if plan == desk.plan:
        if subscription and (subscription.cancel_at_period_end or subscription.next_plan_code):
            return _("Keep %(plan)s") % name, desk.addresses.resumption
        return "", ""
    if plan == FREE_TRIAL:
        if subscription is None or subscription.cancel_at_period_end:
            return "", ""
        return pgettext("plan", "Cancel plan"), desk.addresses.cancellation
    if quote is None:
        return "", ""
    if subscription and subscription.next_plan_code == plan.code:
        return "", ""
    return _("Choose %(plan)s") % name, desk.addresses.plan(plan.code)


@dataclass(frozen=True)
class ReceiptLine:
    text: str
    detail: str
    amount: str


@dataclass(frozen=True)
class Receipt:
    """A quote line by line: what is charged today, and what comes next."""

    lines: list[ReceiptLine]
    net: str
    tax: str
    tax_label: str
    total: str
    is_free: bool
    next_day: str
    next_amount: str
    effective_day: str
    is_at_once: bool

    @classmethod
    def of(cls, quote: Quote, desk: Desk) -> "Receipt":
        lines = []
        for line in quote.lines:
            words = words_of(line, desk.dates)
            quantity = providers_text(line.quantity) if quote.plan.per_seat and line.quantity else ""
            detail = " · ".join(part for part in (quantity, words.detail) if part)
            lines.append(ReceiptLine(words.text, detail, desk.money(line.amount_minor, quote.currency)))
        return cls(
            lines=lines,
            net=desk.money(net_of(quote.lines), quote.currency),
            tax=desk.money(quote.tax_minor, quote.currency) if quote.tax_minor else "",
            tax_label=tax_text(desk),
            total=desk.money(quote.due_minor, quote.currency),
            is_free=not quote.due_minor,
            next_day=desk.day(quote.next_at),
            next_amount=next_text(quote, desk),
            effective_day=desk.day(quote.effective_at),
            is_at_once=is_at_once(quote, desk.at),
        )


def tax_text(desk: Desk) -> str:
    """ "Tax 19 %", of the rate that the holder pays; empty without one."""
    rate = desk.subscription.tax_basis_points if desk.subscription else settings.TAX_RATE_BASIS_POINTS
    return _("Tax %(rate)s") % {"rate": rate_text(rate, desk.dates.locale)} if rate else ""
