"""Sessions used: one line for each, and a counter that never passes the quota."""

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Count, F, QuerySet
from django.db.models.functions import TruncDate

from billing import periods
from billing.catalogue import Plan
from billing.entitlements import Payer, Terms, terms_of
from billing.models import SessionUse, UsagePeriod

DayCounts = dict[dt.date, int]


class QuotaExceeded(Exception):
    """The payer's plan grants no further session in this period (or at all)."""

    def __init__(self, plan: Plan, quota: int, used: int) -> None:
        super().__init__(f"{used} of {quota} sessions of {plan.code} are used")
        self.plan = plan
        self.quota = quota
        self.used = used


@dataclass(frozen=True)
class UsageSummary:
    """Sessions used against the quota.

    `quota` is None where there is none; the period's ends are None for a quota that never resets.
    """

    plan: Plan
    quota: int | None
    used: int
    period_start: dt.datetime | None
    period_end: dt.datetime | None

    @property
    def remaining(self) -> int | None:
        return None if self.quota is None else max(self.quota - self.used, 0)


def charge(session_id: uuid.UUID, payer: Payer, *, at: dt.datetime) -> None:
    """Count one new session, in the transaction that creates it.

    The counter's row is locked from here to the transaction's end, and is raised
    only below the quota, so that two at once never share the last one.

    Raises `QuotaExceeded`; `RuntimeError` outside of a transaction; `IntegrityError`
    for a session that was charged before.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("a session must be charged in the transaction that creates it")
    terms = terms_of(payer, at=at)
    rows = _periods_of(payer, terms)
    if not _count_one(rows, terms.quota):
        UsagePeriod.objects.bulk_create([UsagePeriod(**key_of(payer, terms))], ignore_conflicts=True)
        if not _count_one(rows, terms.quota):
            raise QuotaExceeded(terms.plan, terms.quota or 0, rows.get().used)
    SessionUse.objects.create(session_id=session_id, period=rows.get(), created_at=at)


def summary(payer: Payer, *, at: dt.datetime) -> UsageSummary:
    """What the payer has used in the period that holds `at`."""
    terms = terms_of(payer, at=at)
    return summarize(terms, _periods_of(payer, terms).values_list("used", flat=True).first() or 0)


def summarize(terms: Terms, used: int) -> UsageSummary:
    """So much used under these terms."""
    period = terms.period
    return UsageSummary(
        terms.plan, terms.quota, used, period.start if period else None, period.end if period else None
    )


def per_day(usage_periods: Iterable[uuid.UUID]) -> dict[uuid.UUID, DayCounts]:
    """For each `UsagePeriod`, how many sessions were charged on which day, in UTC as periods are.

    Days without any are not among them. One query, whatever the number of periods.
    """
    found: dict[uuid.UUID, DayCounts] = defaultdict(dict)
    rows = (
        SessionUse.objects.filter(period__in=list(usage_periods))
        .annotate(day=TruncDate("created_at", tzinfo=dt.UTC))
        .values_list("period", "day")
        .annotate(sessions=Count("session_id"))
        .order_by("period", "day")
    )
    for period, day, sessions in rows:
        found[period][day] = sessions
    return found


def key_of(payer: Payer, terms: Terms) -> dict[str, Any]:
    """The fields that find (or make) the payer's row for the current period."""
    return {
        "person_id": payer.person_id,
        "organization_id": payer.organization_id,
        "guest_device_hash": payer.guest_device_hash,
        "starts_at": terms.period.start if terms.period else periods.EVER,
    }


def _periods_of(payer: Payer, terms: Terms) -> QuerySet[UsagePeriod]:
    return UsagePeriod.objects.filter(**key_of(payer, terms))


def _count_one(rows: QuerySet[UsagePeriod], quota: int | None) -> bool:
    below = rows if quota is None else rows.filter(used__lt=quota)
    return below.update(used=F("used") + 1) == 1
