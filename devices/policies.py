"""What an organization's policy touches: one answer for the list's marks, the dry run and enforcement.

A policy touches the devices that its members use, and those of the pool where it is about versions. A
pooled device is nobody's own: it is marked, and never revoked for disuse.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from accounts.models import Person
from devices.models import FleetEntry, Platform
from devices.versions import version_key
from orgs.models import Membership, Organization, Policy

# How long before disuse revokes a device its owner is told.
TOLD_BEFORE = dt.timedelta(days=7)
NOTHING = Q(pk__in=())


def policy_of(organization: Organization) -> Policy:
    """Without one that was saved, one that asks for nothing."""
    return Policy.objects.filter(organization=organization).first() or Policy(organization=organization)


def below_app(lowest: Mapping[str, str]) -> Q:
    """Devices whose app is older than the lowest version of their platform. A browser runs none."""
    condition = NOTHING
    for platform, version in lowest.items():
        condition |= Q(platform=platform, app_key__gt="", app_key__lt=version_key(version))
    return condition


def below_os(lowest: Mapping[str, str]) -> Q:
    """Devices whose system is older; one that does not tell its version is taken for new enough."""
    condition = NOTHING
    for platform, version in lowest.items():
        older = Q(platform=platform, os_key__lt=f"{platform} {version_key(version)}")
        condition |= older & ~Q(os_group=platform)
    return condition


def unused(days: int, at: dt.datetime) -> Q:
    """Members' devices that were not in use for so many days."""
    return Q(person__isnull=False, last_seen_at__lte=at - dt.timedelta(days=days))


@dataclass(frozen=True)
class Touched:
    """Whom a policy touches at one instant: rows of the list to be warned, and rows whose owners are
    told that disuse ends them, `revoked_from` being the day on which it does at the earliest."""

    app: "QuerySet[FleetEntry]"
    os: "QuerySet[FleetEntry]"
    unused: "QuerySet[FleetEntry]"
    revoked_from: dt.datetime


def touched(policy: Policy, at: dt.datetime) -> Touched:
    rows = FleetEntry.objects.filter(
        organization=policy.organization_id, state=FleetEntry.State.ACTIVE
    ).order_by("last_seen_at", "id")
    disuse = NOTHING
    if policy.unused_days:
        disuse = unused(policy.unused_days - TOLD_BEFORE.days, at)
    return Touched(
        app=rows.filter(below_app(policy.lowest_app)),
        os=rows.filter(below_os(policy.lowest_os)),
        unused=rows.filter(disuse),
        revoked_from=at + TOLD_BEFORE,
    )


def confirmation_demanded(account: Person) -> bool:
    """Whether an organization that the account works in wants devices to be confirmed."""
    workplaces = Membership.objects.working().filter(person=account)
    return Policy.objects.filter(
        organization__in=workplaces.values("organization"), confirm_devices=True
    ).exists()


def known_platforms() -> dict[str, str]:
    return {platform.value: str(platform.label) for platform in Platform}
