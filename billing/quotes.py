"""What a change would cost, said before the click by the same sums that charge it afterwards."""

import datetime as dt

from django.conf import settings

from billing import periods, proration, subscriptions
from billing.catalogue import CURRENCY, Plan
from billing.gateways import Holder, Quote
from billing.lines import Line, net_of, tax_on
from billing.models import Subscription


def quote(holder: Holder, plan: Plan, *, seats: int, at: dt.datetime) -> Quote:
    """For a holder without a plan, with another one, or with this one and other seats."""
    subscription = subscriptions.living_of(holder)
    if subscription is None:
        return _start(holder, plan, seats, at)
    if subscription.plan == plan:
        return _of(
            subscription, plan, subscription.price_minor, max(seats, subscription.seats),
            proration.more_seats(subscription, seats, at=at), at, at,
        )  # fmt: skip
    if subscriptions.is_greater(plan, subscription.plan):
        lines = proration.upgrade(subscription, plan, plan.price_minor, at=at)
        return _of(subscription, plan, plan.price_minor, subscription.seats, lines, at, at)
    needed = subscriptions.seats_needed(holder, plan)
    return _of(subscription, plan, plan.price_minor, needed, (), at, subscription.period.end)


def _start(holder: Holder, plan: Plan, seats: int, at: dt.datetime) -> Quote:
    seats = max(seats, subscriptions.seats_needed(holder, plan)) if plan.per_seat else 1
    period = periods.period_containing(at, at)
    lines = proration.whole_period(plan, plan.price_minor, seats, period)
    rate = settings.TAX_RATE_BASIS_POINTS
    due = _with_tax(net_of(lines), rate)
    return Quote(
        plan=plan,
        seats=seats,
        currency=CURRENCY,
        lines=lines,
        tax_minor=due - net_of(lines),
        due_minor=due,
        next_minor=due,
        next_at=period.end,
        effective_at=at,
    )


def _of(
    subscription: Subscription,
    plan: Plan,
    price_minor: int,
    seats: int,
    lines: tuple[Line, ...],
    at: dt.datetime,
    effective_at: dt.datetime,
) -> Quote:
    net, rate = net_of(lines), subscription.tax_basis_points
    return Quote(
        plan=plan,
        seats=seats,
        currency=subscription.currency,
        lines=lines,
        tax_minor=tax_on(net, rate),
        due_minor=_with_tax(net, rate),
        next_minor=_with_tax(price_minor * seats, rate),
        next_at=subscription.period.end,
        effective_at=effective_at,
    )


def _with_tax(net_minor: int, basis_points: int) -> int:
    return net_minor + tax_on(net_minor, basis_points)
