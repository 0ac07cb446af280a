"""What no longer fits after a change to a smaller plan, said before it is chosen.

Nothing is taken away then: what there is stays and works, and only what is new is refused.
"""

import datetime as dt

from django.db.models import Count
from django.utils.translation import ngettext

from accounts.models import Person
from billing.catalogue import Feature, Plan, QuotaSpan
from billing.entitlements import payer_for, terms_of
from billing.models import Subscription, UsagePeriod
from billing.periods import EVER
from billing.presenters import sessions_text
from billing.usage import summary
from devices import limits
from devices.models import Device, DeviceAuthorization
from orgs.models import Membership, Organization


def no_longer_fits(
    person: Person, organization: Organization | None, plan: Plan, *, at: dt.datetime
) -> list[str]:
    """One sentence for each thing that is more than `plan` holds; empty where all of it fits."""
    found = [
        _sessions(person, organization, plan, at=at),
        _devices_of_members(organization, plan) if organization else _own_devices(person, plan),
        _pool(organization, plan) if organization else "",
    ]
    return [sentence for sentence in found if sentence]


def _sessions(person: Person, organization: Organization | None, plan: Plan, *, at: dt.datetime) -> str:
    if plan.session_quota is None:
        return ""
    payer = payer_for(person, organization)
    known = {"plan": plan.name, "sessions": sessions_text(plan)}
    if plan.quota_span is QuotaSpan.EVER:
        ever = UsagePeriod.objects.filter(
            person=payer.person_id, organization=payer.organization_id, guest_device_hash="", starts_at=EVER
        )
        left = max(plan.session_quota - (ever.values_list("used", flat=True).first() or 0), 0)
        return ngettext(
            "%(plan)s holds %(sessions)s, and %(left)d is left.",
            "%(plan)s holds %(sessions)s, and %(left)d are left.",
            left,
        ) % {**known, "left": left}
    used = summary(payer, at=at).used
    seats = terms_of(payer, at=at).seats if plan.per_seat else 1
    if used <= plan.session_quota * seats:
        return ""
    return ngettext(
        "%(used)d session was used in this period; %(plan)s holds %(sessions)s.",
        "%(used)d sessions were used in this period; %(plan)s holds %(sessions)s.",
        used,
    ) % {**known, "used": used}


def _own_devices(person: Person, plan: Plan) -> str:
    """The most generous plan counts: what an organization grants stays."""
    workplaces = Membership.objects.working().filter(person=person).values_list("organization", flat=True)
    others = Subscription.objects.living().filter(organization__in=list(workplaces))
    granted = [plan.device_limit, *(other.plan.device_limit for other in others)]
    sizes = [limit for limit in granted if limit is not None]
    if len(sizes) < len(granted):
        return ""
    limit, taken = max(sizes), limits.taking_places(person).count()
    if taken <= limit:
        return ""
    return ngettext(
        "%(taken)d device takes a place; %(plan)s has %(limit)d.",
        "%(taken)d devices take places; %(plan)s has %(limit)d.",
        taken,
    ) % {"taken": taken, "limit": limit, "plan": plan.name}


def _devices_of_members(organization: Organization, plan: Plan) -> str:
    if plan.device_limit is None:
        return ""
    members = organization.memberships.working().values("person")
    over = (
        DeviceAuthorization.objects.living()
        .filter(account__in=members, device__owner_person__in=members)
        .values("account")
        .order_by()
        .annotate(devices=Count("id"))
        .filter(devices__gt=plan.device_limit)
        .count()
    )
    if not over:
        return ""
    return ngettext(
        "%(over)d member has more devices than %(plan)s allows (%(limit)d).",
        "%(over)d members have more devices than %(plan)s allows (%(limit)d).",
        over,
    ) % {"over": over, "limit": plan.device_limit, "plan": plan.name}


def _pool(organization: Organization, plan: Plan) -> str:
    if Feature.POOL in plan.features:
        return ""
    pooled = Device.objects.filter(owner_organization=organization).count()
    if not pooled:
        return ""
    return ngettext(
        "%(n)d device of the pool stays, and takes no new accounts.",
        "%(n)d devices of the pool stay, and take no new accounts.",
        pooled,
    ) % {"n": pooled}
