"""What part of a period's price falls on which days, in whole minor units.

Days are days of UTC. Of a period's price, the days up to one come to the price times their share,
rounded down; some days in between come to the difference of two such sums. So the days of a
period always add up to its price, to the last cent, however it is cut into pieces.
"""

import datetime as dt

from billing.catalogue import Plan
from billing.lines import Line, net_of
from billing.models import LineKind, Subscription
from billing.periods import Period


def day_of(instant: dt.datetime) -> dt.date:
    """The day of UTC that an instant, in whatever time zone, falls on."""
    return instant.astimezone(dt.UTC).date()


def share(price_minor: int, period: Period, start: dt.date, end: dt.date) -> int:
    """What the days from `start` up to and without `end` cost of a period's price."""
    return _up_to(price_minor, period, end) - _up_to(price_minor, period, start)


def remaining(price_minor: int, period: Period, day: dt.date) -> int:
    """What `day` and those after it cost. More for a higher price, never less."""
    return share(price_minor, period, day, _end(period))


def _up_to(price_minor: int, period: Period, day: dt.date) -> int:
    """What the days before `day` cost, for any day, in the period or not."""
    length = (_end(period) - day_of(period.start)).days
    days = min(max((day - day_of(period.start)).days, 0), length)
    return price_minor * days // length


def _end(period: Period) -> dt.date:
    return day_of(period.end)


def whole_period(plan: Plan, price_minor: int, seats: int, period: Period) -> tuple[Line, ...]:
    """A period from its first day to its last."""
    return (_days(LineKind.PLAN, plan, price_minor, seats, period, day_of(period.start)),)


def rest_of_period(
    plan: Plan, price_minor: int, seats: int, period: Period, at: dt.datetime
) -> tuple[Line, ...]:
    """A period that is entered late: from today to its last day."""
    if day_of(at) <= day_of(period.start):
        return whole_period(plan, price_minor, seats, period)
    return (_days(LineKind.REMAINING, plan, price_minor, seats, period, day_of(at)),)


def upgrade(subscription: Subscription, plan: Plan, price_minor: int, *, at: dt.datetime) -> tuple[Line, ...]:
    """Another plan from today on: its remaining days, and back the same days of the one before.

    Together never less than nothing: where somebody's agreed price is higher than today's of
    the greater plan, no more is given back than the new days cost.
    """
    period, seats, today = subscription.period, subscription.seats, day_of(at)
    if today >= _end(period):
        return ()
    back = _days(LineKind.UNUSED, subscription.plan, subscription.price_minor, seats, period, today, sign=-1)
    charged = _days(LineKind.REMAINING, plan, price_minor, seats, period, today)
    if net_of((back, charged)) < 0:
        back = Line(back.kind, -charged.amount_minor, back.unit_minor, seats, back.start, back.end, back.data)
    return (back, charged)


def more_seats(subscription: Subscription, seats: int, *, at: dt.datetime) -> tuple[Line, ...]:
    """So many seats in place of those paid, from today on; nothing for as many or fewer."""
    period, price, today = subscription.period, subscription.price_minor, day_of(at)
    added = seats - subscription.seats
    if added <= 0 or today >= _end(period):
        return ()
    amount = remaining(price * seats, period, today) - remaining(price * subscription.seats, period, today)
    return (
        Line(
            LineKind.SEATS,
            amount,
            price,
            added,
            max(today, day_of(period.start)),
            _end(period),
            {"plan": subscription.plan_code},
        ),
    )


def _days(
    kind: LineKind, plan: Plan, price_minor: int, seats: int, period: Period, start: dt.date, *, sign: int = 1
) -> Line:
    """From a day to the period's end."""
    start = max(start, day_of(period.start))
    amount = remaining(price_minor * seats, period, start)
    return Line(kind, sign * amount, sign * price_minor, seats, start, _end(period), {"plan": plan.code})
