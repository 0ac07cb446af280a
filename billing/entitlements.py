"""Whose plan counts. Everything that asks for a limit or a quota asks here."""

import datetime as dt
import uuid
from dataclasses import dataclass, replace

from django.utils import timezone

from accounts.models import Person
from billing import periods
from billing.catalogue import FREE_TRIAL, GUEST, PATIENT, Plan, QuotaSpan
from billing.models import Status, Subscription
from orgs.models import Membership, Organization


@dataclass(frozen=True)
class Allowance:
    """How many devices a person may have, and by which plan.

    `limit` is None where there is none; `organization` is the one whose plan it is,
    or None for the person's own. Beyond `growth_limit` none can be added now: it is less
    than `limit` where that is of a plan that is read-only until it is paid.
    """

    plan: Plan
    limit: int | None
    organization: Organization | None = None
    growth_limit: int | None = 0


@dataclass(frozen=True)
class Payer:
    """Whose quota a session is charged to: exactly one of the three is set."""

    person_id: uuid.UUID | None = None
    organization_id: uuid.UUID | None = None
    guest_device_hash: str = ""


@dataclass(frozen=True)
class Terms:
    """What a payer's plan grants at one instant.

    `quota` is for all seats together, None where there is none. `period` is None
    for quotas that never reset. `subscription` is None where nobody subscribed.
    """

    plan: Plan
    quota: int | None
    period: periods.Period | None
    seats: int = 1
    subscription: Subscription | None = None


def device_allowance(person: Person) -> Allowance:
    """The most generous device limit among a person's own plan and their organizations'.

    Without a subscription of one's own that is the Free Trial; somebody who is a
    patient and nothing else stands outside of every plan.
    """
    memberships = list(Membership.objects.living().filter(person=person).values_list("role", "organization"))
    workplaces = [organization for role, organization in memberships if role in Membership.WORKING_ROLES]
    subscriptions = list(Subscription.objects.living().held_by(person, workplaces))
    allowances = [_granted(s, timezone.now()) for s in subscriptions]
    if not any(s.person_id for s in subscriptions):
        own = PATIENT if memberships and not workplaces else FREE_TRIAL
        allowances.insert(0, Allowance(own, own.device_limit, None, own.device_limit))
    most = max(allowances, key=lambda allowance: _generosity(allowance.limit))
    growth = max((allowance.growth_limit for allowance in allowances), key=_generosity)
    return replace(most, growth_limit=growth)


def _granted(subscription: Subscription, at: dt.datetime) -> Allowance:
    limit = subscription.plan.device_limit
    is_read_only = subscription.status(at) is Status.READ_ONLY
    return Allowance(subscription.plan, limit, subscription.organization, 0 if is_read_only else limit)


def _generosity(limit: int | None) -> float:
    return float("inf") if limit is None else limit


def payer_for(person: Person, organization: Organization | None) -> Payer:
    """Who pays for a session that a person creates: the organization it belongs to, or they.

    That the person works there is the caller's to check.
    """
    return Payer(organization_id=organization.pk) if organization else Payer(person_id=person.pk)


def guest_payer(identifier_hash: str) -> Payer:
    """The payer for a guest: the device, so that a reinstall finds its quota again."""
    return Payer(guest_device_hash=identifier_hash)


def terms_of(payer: Payer, *, at: dt.datetime) -> Terms:
    """What the payer's plan grants at an instant."""
    if payer.guest_device_hash:
        return Terms(GUEST, GUEST.session_quota, None)
    subscription = (
        Subscription.objects.living()
        .filter(person=payer.person_id, organization=payer.organization_id)
        .first()
    )
    if subscription is None:
        plan = _plan_without_subscription(payer)
        return Terms(plan, plan.session_quota, None)
    seats = 1
    if subscription.plan.per_seat:
        seats = Membership.objects.working().filter(organization=payer.organization_id).count()
    return subscribed_terms(subscription, seats=seats, at=at)


def subscribed_terms(subscription: Subscription, *, seats: int, at: dt.datetime) -> Terms:
    """What a subscription with so many seats grants at an instant."""
    plan = subscription.plan
    quota = plan.session_quota
    if quota is not None and plan.per_seat:
        quota *= seats
    period = None
    if plan.quota_span is QuotaSpan.PERIOD:
        period = periods.period_containing(at, subscription.anchor_at)
    return Terms(plan, quota, period, seats, subscription)


def _plan_without_subscription(payer: Payer) -> Plan:
    if payer.person_id is None:
        return FREE_TRIAL
    roles = set(Membership.objects.living().filter(person=payer.person_id).values_list("role", flat=True))
    return PATIENT if roles == {Membership.Role.PATIENT} else FREE_TRIAL
