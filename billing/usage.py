"""Sessions used: one line for each, and a counter that never passes the quota."""

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, F, QuerySet
from django.db.models.functions import TruncDate

from billing import notices, periods
from billing.catalogue import Plan
from billing.entitlements import Payer, Terms, terms_of
from billing.models import SessionUse, Status, UsagePeriod
from billing.standing import PaymentRequired
from medimic.audit.log import Origin, record

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

    @property
    def is_nearly_used(self) -> bool:
        """Four fifths or more: time to say so."""
        return is_nearly_used(self.used, self.quota)


def charge(session_id: uuid.UUID, payer: Payer, *, at: dt.datetime) -> None:
    """Count one new session, in the transaction that creates it.

    The counter's row is locked from here to the transaction's end, and is raised
    only below the quota, so that two at once never share the last one.

    Raises `QuotaExceeded`; `PaymentRequired` where the plan is read-only; `RuntimeError` outside
    of a transaction; `IntegrityError` for a session that was charged before.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("a session must be charged in the transaction that creates it")
    terms = terms_of(payer, at=at)
    if terms.subscription is not None and terms.subscription.status(at) is Status.READ_ONLY:
        raise PaymentRequired(terms.subscription.organization)
    rows = _periods_of(payer, terms)
    if not _count_one(rows, terms.quota):
        UsagePeriod.objects.bulk_create([UsagePeriod(**key_of(payer, terms))], ignore_conflicts=True)
        if not _count_one(rows, terms.quota):
            row = rows.get()
            raise QuotaExceeded(terms.plan, (terms.quota or 0) + row.extra, row.used)
    row = rows.get()
    SessionUse.objects.create(session_id=session_id, period=row, created_at=at)
    _note_if_nearly_used(row, payer, terms)


def grant(payer: Payer, sessions: int, *, origin: Origin, reason: str, at: dt.datetime) -> UsagePeriod:
    """Sessions on top of the quota, for the present period (on the Free Trial: for good).

    Raises `ValueError` for fewer than one.
    """
    if sessions < 1:
        raise ValueError("at least one session is granted")
    with transaction.atomic():
        rows = _periods_of(payer, terms := terms_of(payer, at=at))
        UsagePeriod.objects.bulk_create([UsagePeriod(**key_of(payer, terms))], ignore_conflicts=True)
        rows.update(extra=F("extra") + sessions, noted_plan_code="")
        row = rows.get()
        record(
            "billing.sessions_granted",
            origin=origin,
            person_id=payer.person_id,
            organization_id=payer.organization_id,
            subject=row,
            details={"sessions": sessions, "reason": reason},
        )
        return row


def summary(payer: Payer, *, at: dt.datetime) -> UsageSummary:
    """What the payer has used in the period that holds `at`."""
    terms = terms_of(payer, at=at)
    return summarize(terms, _periods_of(payer, terms).first())


def summarize(terms: Terms, row: UsagePeriod | None) -> UsageSummary:
    """What a payer's row says under these terms; None before the first session."""
    period = terms.period
    quota = terms.quota
    if quota is not None and row is not None:
        quota += row.extra
    return UsageSummary(
        terms.plan,
        quota,
        row.used if row else 0,
        period.start if period else None,
        period.end if period else None,
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
    below = rows if quota is None else rows.filter(used__lt=F("extra") + quota)
    return below.update(used=F("used") + 1) == 1


def is_nearly_used(used: int, quota: int | None) -> bool:
    return bool(quota) and used * 5 >= (quota or 0) * 4


def _note_if_nearly_used(row: UsagePeriod, payer: Payer, terms: Terms) -> None:
    """Tell it once for each period and plan; whoever counts holds the row's lock."""
    quota = None if terms.quota is None else terms.quota + row.extra
    if quota is None or payer.guest_device_hash or not is_nearly_used(row.used, quota):
        return
    unnoted = UsagePeriod.objects.filter(pk=row.pk).exclude(noted_plan_code=terms.plan.code)
    if unnoted.update(noted_plan_code=terms.plan.code):
        notices.nearly_used(payer, terms.plan, used=row.used, quota=quota)
