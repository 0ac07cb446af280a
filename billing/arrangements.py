"""Under which plans somebody creates sessions, and how much of each is used."""

import datetime as dt
import uuid
from dataclasses import dataclass

from django.db.models import Count, Q

from accounts.models import Person
from billing.catalogue import FREE_TRIAL
from billing.entitlements import Payer, Terms, payer_for, subscribed_terms
from billing.models import Subscription, UsagePeriod
from billing.usage import UsageSummary, key_of, summarize
from orgs.models import Membership, Organization
from orgs.standing import Standing


@dataclass(frozen=True)
class Arrangement:
    """One payer of a person's sessions: an organization, or they (`organization` is None).

    `usage_period` is the row that `billing.usage.per_day` reads, None before the first session.
    """

    payer: Payer
    organization: Organization | None
    is_manager: bool
    terms: Terms
    usage: UsageSummary
    usage_period: uuid.UUID | None


def arrangements_of(
    person: Person, standing: Standing, *, at: dt.datetime, only: Organization | None = None
) -> list[Arrangement]:
    """Every payer of somebody who is no mere patient, organizations first; three queries.

    Their own is among them if they subscribed, used it, or work nowhere. `only` narrows it down
    to one organization.
    """
    workplaces = [only] if only else standing.organizations
    asked: list[Organization | None] = [only] if only else [*workplaces, None]
    subscriptions = {
        (s.person_id, s.organization_id): s
        for s in Subscription.objects.living().held_by(person, [o.pk for o in workplaces])
    }
    seats = _seats(workplaces)
    terms: dict[Payer, Terms] = {}
    for organization in asked:
        payer = payer_for(person, organization)
        subscription = subscriptions.get((payer.person_id, payer.organization_id))
        terms[payer] = (
            subscribed_terms(subscription, seats=seats.get(payer.organization_id, 1), at=at)
            if subscription
            else Terms(FREE_TRIAL, FREE_TRIAL.session_quota, None)
        )
    used = _used(terms)
    found = []
    for organization in asked:
        payer = payer_for(person, organization)
        row = used.get(payer)
        if organization is None and workplaces and not row and not terms[payer].subscription:
            continue
        found.append(
            Arrangement(
                payer,
                organization,
                organization is None or standing.is_admin_of(organization),
                terms[payer],
                summarize(terms[payer], row),
                row.pk if row else None,
            )
        )
    return found


def _seats(organizations: list[Organization]) -> dict[uuid.UUID | None, int]:
    counted = Membership.objects.working().filter(organization__in=organizations)
    return dict(counted.values_list("organization").annotate(seats=Count("id")).order_by())


def _used(terms: dict[Payer, Terms]) -> dict[Payer, UsagePeriod]:
    keys = Q()
    for payer, granted in terms.items():
        keys |= Q(**key_of(payer, granted))
    return {
        Payer(row.person_id, row.organization_id, row.guest_device_hash): row
        for row in UsagePeriod.objects.filter(keys)
    }
