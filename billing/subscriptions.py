"""The verbs of a subscription: what it becomes, on record. Both gateways call these.

Each is one transaction under the lock of the holder, so that of fifty at once one comes first and
the others find what it left. None charges anything: those that cost return the lines that they
come to, and the gateway makes an invoice of them in the same transaction.

An organization's are for its admins: `by`, if it is somebody, is asked for under the lock.
"""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import transaction

from accounts.models import Person
from billing import periods, proration
from billing.catalogue import CURRENCY, ENTERPRISE, FREE_TRIAL, INDIVIDUAL, TEAM, TIERS, Plan
from billing.lines import Line
from billing.models import GatewayName, Invoice, Status, Subscription
from billing.periods import Period
from medimic.audit.log import SYSTEM, Origin, record
from orgs import memberships
from orgs.models import Membership, Organization

Holder = Person | Organization


class NotPossible(Exception):
    """The subscription does not stand so that this could be done to it."""


class AlreadySubscribed(NotPossible):
    """The holder has a plan: that one is to be changed."""

    def __init__(self, subscription: Subscription) -> None:
        super().__init__("subscribed already")
        self.subscription = subscription


class AlreadyOnPlan(NotPossible):
    """It is that plan already."""


class NotOffered(NotPossible):
    """That plan is not for such a holder, or not greater (smaller) than theirs."""


class Ended(NotPossible):
    """The subscription has ended."""


class PaymentDue(NotPossible):
    """An invoice is overdue, and to be paid first."""


@dataclass(frozen=True)
class Change:
    """What a verb left, and what is to be charged for it, without tax."""

    subscription: Subscription
    lines: tuple[Line, ...] = field(default=())


def offered_to(holder: Holder) -> tuple[Plan, ...]:
    """The plans that somebody can pay for, cheapest first."""
    return (INDIVIDUAL,) if isinstance(holder, Person) else (TEAM, ENTERPRISE)


def is_greater(plan: Plan, than: Plan) -> bool:
    return TIERS.index(plan) > TIERS.index(than)


def working_members(organization: Organization) -> int:
    """How many seats an organization needs: one for everybody who works there."""
    return Membership.objects.working().filter(organization=organization).count()


def seats_needed(holder: Holder, plan: Plan) -> int:
    if isinstance(holder, Person) or not plan.per_seat:
        return 1
    return max(working_members(holder), 1)


def holder_of(subscription: Subscription) -> Holder:
    found = subscription.person or subscription.organization
    if found is None:
        raise ValueError("a subscription has a holder, as its constraint says")
    return found


def living_of(holder: Holder) -> Subscription | None:
    """The holder's subscription, as it is now."""
    return _of(holder).living().first()


def hold(holder: Holder, by: Person | None = None) -> Subscription | None:
    """The holder's subscription, fresh, and locked until the transaction ends; None if there is none:
    then nobody else can make one.

    The holder is locked first, as everywhere. Raises `PermissionDenied` where `by` is no admin.
    """
    if isinstance(holder, Person):
        Person.objects.select_for_update(no_key=True).only("pk").get(pk=holder.pk)
    else:
        holder.lock()
        if by is not None:
            memberships.require_admin(holder, by)
    return _of(holder).living().select_for_update(no_key=True).first()


def held(subscription: Subscription, by: Person | None = None) -> Subscription:
    """This subscription, locked by its holder. Raises `Ended`, and as `hold`."""
    found = hold(holder_of(subscription), by)
    if found is None or found.pk != subscription.pk:
        raise Ended
    return found


def start(
    holder: Holder,
    plan: Plan,
    *,
    seats: int,
    by: Person | None,
    origin: Origin,
    at: dt.datetime,
    gateway: GatewayName = GatewayName.OFFLINE,
    **ids: Any,
) -> Change:
    """A plan for a holder who has none; its first period begins today.

    `ids`: further columns that the gateway knows (`gateway_customer`, `gateway_subscription`,
    `payment_method`). Raises `AlreadySubscribed`, `NotOffered`, `PaymentDue`.
    """
    with transaction.atomic():
        found = hold(holder, by)
        if found is not None:
            raise AlreadySubscribed(found)
        if plan not in offered_to(holder):
            raise NotOffered
        refuse_overdue(holder, at)
        period = periods.period_containing(at, at)
        subscription = Subscription.objects.create(
            person=holder if isinstance(holder, Person) else None,
            organization=None if isinstance(holder, Person) else holder,
            plan_code=plan.code,
            price_minor=plan.price_minor,
            currency=CURRENCY,
            tax_basis_points=settings.TAX_RATE_BASIS_POINTS,
            seats=max(seats, seats_needed(holder, plan)) if plan.per_seat else 1,
            anchor_at=at,
            period_start=period.start,
            period_end=period.end,
            gateway=gateway,
            **ids,
        )
        note("billing.subscribed", subscription, origin)
        lines = proration.whole_period(plan, plan.price_minor, subscription.seats, period)
        return Change(subscription, lines)


def upgrade(
    subscription: Subscription, plan: Plan, *, by: Person | None, origin: Origin, at: dt.datetime
) -> Change:
    """A greater plan at once; its period goes on. Takes back what was chosen for the renewal.

    Raises `AlreadyOnPlan`, `NotOffered`, `PaymentDue`, `Ended`.
    """
    with transaction.atomic():
        fresh = held(subscription, by)
        if fresh.plan == plan:
            raise AlreadyOnPlan
        if plan not in offered_to(holder_of(fresh)) or not is_greater(plan, fresh.plan):
            raise NotOffered
        refuse_overdue(holder_of(fresh), at)
        lines = proration.upgrade(fresh, plan, plan.price_minor, at=at)
        before = fresh.plan_code
        _set(
            fresh,
            plan_code=plan.code,
            price_minor=plan.price_minor,
            cancel_at_period_end=False,
            next_plan_code="",
        )
        note("billing.upgraded", fresh, origin, before=before)
        return Change(fresh, lines)


def downgrade(
    subscription: Subscription, plan: Plan, *, by: Person | None, origin: Origin, at: dt.datetime
) -> Change:
    """A smaller plan from the renewal on; the Free Trial: none.

    Raises `NotOffered`, `AlreadyOnPlan`, `Ended`.
    """
    if plan == FREE_TRIAL:
        return cancel(subscription, by=by, origin=origin, at=at)
    with transaction.atomic():
        fresh = held(subscription, by)
        if fresh.plan == plan:
            raise AlreadyOnPlan
        if plan not in offered_to(holder_of(fresh)) or is_greater(plan, fresh.plan):
            raise NotOffered
        if fresh.next_plan_code != plan.code:
            _set(fresh, cancel_at_period_end=False, next_plan_code=plan.code)
            note("billing.downgrade_chosen", fresh, origin, next=plan.code, day=_last_day(fresh))
        return Change(fresh)


def cancel(subscription: Subscription, *, by: Person | None, origin: Origin, at: dt.datetime) -> Change:
    """It ends with the period that is paid. Raises `Ended`."""
    with transaction.atomic():
        fresh = held(subscription, by)
        if not fresh.cancel_at_period_end:
            _set(fresh, cancel_at_period_end=True, next_plan_code="")
            note("billing.cancellation_chosen", fresh, origin, day=_last_day(fresh))
        return Change(fresh)


def resume(subscription: Subscription, *, by: Person | None, origin: Origin, at: dt.datetime) -> Change:
    """It goes on after all, as it is; a chosen downgrade is taken back, too. Raises `Ended`."""
    with transaction.atomic():
        fresh = held(subscription, by)
        if fresh.cancel_at_period_end or fresh.next_plan_code:
            _set(fresh, cancel_at_period_end=False, next_plan_code="")
            note("billing.resumed", fresh, origin)
        return Change(fresh)


def add_seats(
    subscription: Subscription, seats: int, *, by: Person | None, origin: Origin, at: dt.datetime
) -> Change:
    """So many paid seats from today on. Seats that nobody takes go by themselves, at the renewal.

    Raises `NotOffered` for a plan without seats and for fewer than now; `PaymentDue`, `Ended`.
    """
    with transaction.atomic():
        fresh = held(subscription, by)
        if not fresh.plan.per_seat or seats < fresh.seats:
            raise NotOffered
        if seats == fresh.seats:
            return Change(fresh)
        refuse_overdue(holder_of(fresh), at)
        lines = proration.more_seats(fresh, seats, at=at)
        before = fresh.seats
        _set(fresh, seats=seats)
        note("billing.seats_added", fresh, origin, before=before)
        return Change(fresh, lines)


def renew(subscription: Subscription, *, at: dt.datetime, period: Period | None = None) -> Change:
    """The next period, with what was chosen for it: an end, a smaller plan, no more seats than people.

    Nothing before `period_end`, and nothing for somebody who is read-only: theirs goes on when
    they have paid. `period` is the gateway's own, if it counts differently. Where it ends, the
    lines are empty and `ended_at` is set. Raises `Ended`.
    """
    with transaction.atomic():
        fresh = held(subscription)
        if at < fresh.period.end:
            return Change(fresh)
        if fresh.cancel_at_period_end:
            end(fresh, origin=SYSTEM, at=fresh.period.end)
            return Change(fresh)
        if fresh.status(at) is Status.READ_ONLY:
            return Change(fresh)
        if fresh.next_plan is not None:
            _become(fresh, fresh.next_plan)
        holder, before = holder_of(fresh), fresh.seats
        seats = seats_needed(holder, fresh.plan)
        upcoming = period or periods.period_containing(fresh.period.end, fresh.anchor_at)
        _set(fresh, seats=seats, period_start=upcoming.start, period_end=upcoming.end)
        if seats < before:
            note("billing.seats_released", fresh, SYSTEM, before=before)
        note("billing.renewed", fresh, SYSTEM)
        return Change(fresh, proration.whole_period(fresh.plan, fresh.price_minor, seats, upcoming))


def go_on(subscription: Subscription, *, at: dt.datetime) -> Change:
    """After a time of read-only, which is not charged: the rest of the period that `at` falls into.

    Nothing while the period that was paid still runs. Raises `Ended`.
    """
    with transaction.atomic():
        fresh = held(subscription)
        if at < fresh.period.end:
            return Change(fresh)
        current = periods.period_containing(at, fresh.anchor_at)
        if fresh.cancel_at_period_end:
            end(fresh, origin=SYSTEM, at=fresh.period.end)
            return Change(fresh)
        if fresh.next_plan is not None:
            _become(fresh, fresh.next_plan)
        seats = seats_needed(holder_of(fresh), fresh.plan)
        _set(fresh, seats=seats, period_start=current.start, period_end=current.end)
        note("billing.renewed", fresh, SYSTEM)
        lines = proration.rest_of_period(fresh.plan, fresh.price_minor, seats, current, at)
        return Change(fresh, lines)


def end(subscription: Subscription, *, origin: Origin, at: dt.datetime) -> bool:
    """It is over: the holder is on the Free Trial. False if it was before. The caller holds its lock."""
    if not Subscription.objects.living().filter(pk=subscription.pk).update(ended_at=at):
        return False
    subscription.ended_at = at
    note("billing.ended", subscription, origin)
    return True


def refresh_standing(subscription: Subscription, *, origin: Origin = SYSTEM, at: dt.datetime) -> bool:
    """Past due since the oldest overdue invoice fell due, or not at all; whether that has changed.

    The caller holds its lock.
    """
    overdue = subscription.invoices.overdue(at).order_by("due_at").values_list("due_at", flat=True)
    since = overdue.first()
    before = subscription.past_due_since
    if since == before or subscription.ended_at is not None:
        return False
    _set(subscription, past_due_since=since, reminded_day=None)
    if before is None:
        note("billing.past_due", subscription, origin)
    elif since is None:
        note("billing.past_due_lifted", subscription, origin)
    return True


def refuse_overdue(holder: Holder, at: dt.datetime) -> None:
    """Raises `PaymentDue` where an invoice of the holder is overdue, of an earlier subscription, too."""
    person = holder if isinstance(holder, Person) else None
    organization = None if isinstance(holder, Person) else holder
    if Invoice.objects.of_holder(person=person, organization=organization).overdue(at).exists():
        raise PaymentDue


def note(kind: str, subscription: Subscription, origin: Origin, **details: str | int | None) -> None:
    """On record, in the log of the person or the organization whose it is."""
    record(
        kind,
        origin=origin,
        person_id=subscription.person_id,
        organization_id=subscription.organization_id,
        subject=subscription,
        details={
            "plan": subscription.plan_code,
            "seats": subscription.seats if subscription.plan.per_seat else None,
            **details,
        },
    )


def _become(subscription: Subscription, plan: Plan) -> None:
    """The smaller plan that was chosen, at today's price."""
    before = subscription.plan_code
    _set(subscription, plan_code=plan.code, price_minor=plan.price_minor, next_plan_code="")
    note("billing.downgraded", subscription, SYSTEM, before=before)


def _of(holder: Holder) -> Any:
    if isinstance(holder, Person):
        return Subscription.objects.filter(person=holder)
    return Subscription.objects.filter(organization=holder)


def _set(subscription: Subscription, **changes: Any) -> None:
    for name, value in changes.items():
        setattr(subscription, name, value)
    subscription.save(update_fields=list(changes))


def _last_day(subscription: Subscription) -> str:
    return subscription.period.last_day.isoformat()
