"""Plans, usage and prices as pages print them."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from billing.addresses import Addresses
from billing.arrangements import Arrangement
from billing.catalogue import Plan, QuotaSpan
from billing.entitlements import Terms
from billing.money import money
from billing.usage import UsageSummary
from medimic.charts import DayBars, day_bars
from medimic.formatting import Dates

if TYPE_CHECKING:
    from billing.presenters_account import Account

# What is shown of a plan that has no periods.
RECENT = dt.timedelta(days=29)


@dataclass(frozen=True)
class Amount:
    """How much, and of what: "500", "per provider and month"."""

    much: str
    of: str = ""

    def __str__(self) -> str:
        return f"{self.much} {self.of}".strip()


@dataclass(frozen=True)
class PlanFacts:
    """What a plan grants, and what it costs as agreed; empty text where a fact does not apply."""

    name: str | Promise
    period: str
    renewal: str
    devices: Amount
    sessions: Amount
    seats: str
    price: Amount | None

    @classmethod
    def of(cls, terms: Terms, dates: Dates, locale: str) -> "PlanFacts":
        plan, period, subscription = terms.plan, terms.period, terms.subscription
        return cls(
            name=plan.name,
            period=f"{dates.day(period.first_day)} – {dates.day(period.last_day)}" if period else "",
            renewal=dates.day(period.end.date()) if period else "",
            devices=devices_text(plan),
            sessions=sessions_text(plan),
            seats=providers_text(terms.seats) if plan.per_seat else "",
            price=price_text(plan, subscription.price_minor, subscription.currency, locale)
            if subscription
            else None,
        )


def devices_text(plan: Plan) -> Amount:
    if plan.device_limit is None:
        return Amount(_("No limit"))
    text = ngettext("%(n)d device", "%(n)d devices", plan.device_limit) % {"n": plan.device_limit}
    return Amount(text, _("per provider") if plan.per_seat else "")


def sessions_text(plan: Plan) -> Amount:
    if plan.session_quota is None:
        return Amount(_("No limit"))
    text = ngettext("%(n)d session", "%(n)d sessions", plan.session_quota) % {"n": plan.session_quota}
    if plan.quota_span is QuotaSpan.EVER:
        return Amount(text, _("in all"))
    return Amount(text, _("per provider and month") if plan.per_seat else _("a month"))


def providers_text(seats: int) -> str:
    return ngettext("%(n)d provider", "%(n)d providers", seats) % {"n": seats}


def price_text(plan: Plan, price_minor: int, currency: str, locale: str) -> Amount:
    if not price_minor:
        return Amount(_("Free"))
    unit = _("per provider and month") if plan.per_seat else _("a month")
    return Amount(money(price_minor, currency, locale), unit)


def used_text(usage: UsageSummary) -> str:
    """ "34 of 200 sessions used", or what there is to say without a quota."""
    if usage.quota is None:
        return ngettext("%(n)d session used", "%(n)d sessions used", usage.used) % {"n": usage.used}
    return _("%(used)d of %(quota)d sessions used") % {"used": usage.used, "quota": usage.quota}


@dataclass(frozen=True)
class Chart:
    """Sessions per day as bars, and the same facts in words."""

    bars: DayBars
    first: str
    last: str
    total: str
    highest: str
    days: list[tuple[str, int]]


def charted_days(terms: Terms, dates: Dates) -> tuple[dt.date, dt.date]:
    """The first and the last day of the period; of the last 30 days where the plan has none."""
    if terms.period:
        return terms.period.first_day, terms.period.last_day
    today = dates.now.astimezone(dt.UTC).date()
    return today - RECENT, today


def chart(counts: Mapping[dt.date, int], terms: Terms, dates: Dates) -> Chart:
    """Sessions per day over `charted_days`, days of UTC."""
    first, last = charted_days(terms, dates)
    bars = day_bars(counts, first=first, last=last, today=dates.now.astimezone(dt.UTC).date())
    highest = bars.highest
    return Chart(
        bars=bars,
        first=dates.day(first),
        last=dates.day(last),
        total=ngettext("%(n)d session", "%(n)d sessions", bars.total) % {"n": bars.total},
        highest=_("most on %(day)s: %(n)d") % {"day": dates.day(highest.day), "n": highest.count}
        if highest.count
        else "",
        days=[(dates.day(bar.day), bar.count) for bar in bars.filled],
    )


@dataclass(frozen=True)
class ArrangementPanel:
    """One payer as the billing page and the dashboard print it."""

    arrangement: Arrangement
    payer: str
    payer_name: str
    plan: PlanFacts
    used: str
    remaining: str
    is_used_up: bool
    is_running_low: bool
    plans_href: str
    admins: str = ""
    chart: Chart | None = None
    account: "Account | None" = None

    @classmethod
    def of(
        cls,
        arrangement: Arrangement,
        dates: Dates,
        locale: str,
        *,
        admins: Iterable[str] = (),
        counts: Mapping[dt.date, int] | None = None,
        account: "Account | None" = None,
        payer_name: str = "",
    ) -> "ArrangementPanel":
        """With a chart where `counts` are given; `account` is for whoever looks after the plan."""
        usage = arrangement.usage
        left = usage.remaining
        return cls(
            arrangement,
            payer=arrangement.organization.name if arrangement.organization else _("Your own plan"),
            payer_name=payer_name,
            plan=PlanFacts.of(arrangement.terms, dates, locale),
            used=used_text(usage),
            remaining="" if left is None else ngettext("%(n)d left", "%(n)d left", left) % {"n": left},
            is_used_up=left == 0,
            is_running_low=bool(left) and usage.is_nearly_used,
            plans_href=Addresses.of(arrangement.organization).plans if arrangement.is_manager else "",
            admins=", ".join(admins),
            chart=None if counts is None else chart(counts, arrangement.terms, dates),
            account=account,
        )
