"""What a policy does by itself: it warns, and it ends what is not used. Whom, `devices.policies` says.

The worker calls this again and again: each warning is written down, so that nobody is told twice,
and a device is revoked for disuse only when its owner was told a week before and has not used it since.
"""

import datetime as dt
import time
from collections.abc import Iterator

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from devices import actions, notices, ownership, policies
from devices.models import DeviceAuthorization, FleetEntry, PolicyWarning, os_name
from medimic.audit.log import SYSTEM, record
from medimic.formatting import Dates
from orgs.models import Policy

EVERY = dt.timedelta(minutes=10)
# A job's run; what is left comes with the next.
RUNS_FOR = 20.0
BATCH = 200
Kind = PolicyWarning.Kind


def enforce() -> None:
    """All policies, for a while."""
    stop = time.monotonic() + RUNS_FOR
    asking = ~Q(lowest_app={}) | ~Q(lowest_os={}) | Q(unused_days__isnull=False)
    for policy in Policy.objects.filter(asking).select_related("organization").order_by("pk"):
        for _act in enforcing(policy):
            if time.monotonic() > stop:
                return


def enforcing(policy: Policy) -> Iterator[FleetEntry]:
    """Each row that something was done about, right after it was done."""
    now = timezone.now()
    touched = policies.touched(policy, now)
    for platform, version in policy.lowest_app.items():
        told = _told(policy, Kind.APP).filter(about=version)
        for entry in _members(touched.app.filter(~Exists(told), platform=platform)):
            _warn_of_version(policy, entry, Kind.APP, version, f"MediMic {version}")
            yield entry
    for platform, version in policy.lowest_os.items():
        told = _told(policy, Kind.OS).filter(about=version)
        system = os_name(policies.known_platforms()[platform], version)
        for entry in _members(touched.os.filter(~Exists(told), platform=platform)):
            _warn_of_version(policy, entry, Kind.OS, version, system)
            yield entry
    if policy.unused_days:
        told = _told(policy, Kind.DISUSE).filter(
            about=str(policy.unused_days), warned_at__gt=OuterRef("last_seen_at")
        )
        for entry in _members(touched.unused.filter(~Exists(told))):
            _warn_of_disuse(policy, entry, policy.unused_days)
            yield entry
        due = touched.unused.filter(
            policies.unused(policy.unused_days, now),
            Exists(told.filter(warned_at__lte=now - policies.TOLD_BEFORE)),
        )
        for entry in _members(due):
            if _revoke(policy, entry, policy.unused_days):
                yield entry


def _told(policy: Policy, kind: Kind) -> "QuerySet[PolicyWarning]":
    return PolicyWarning.objects.filter(
        organization=policy.organization_id, authorization=OuterRef("authorization"), kind=kind
    )


def _members(rows: "QuerySet[FleetEntry]") -> Iterator[FleetEntry]:
    """Those that have somebody to tell, a batch at a time; what was done leaves the rows."""
    owned = rows.filter(person__isnull=False).select_related("person", "device", "authorization__account")
    done: set[int] = set()
    while batch := list(owned.exclude(pk__in=done)[:BATCH]):
        yield from batch
        done.update(entry.pk for entry in batch)


def _warn_of_version(policy: Policy, entry: FleetEntry, kind: Kind, version: str, asked: str) -> None:
    with transaction.atomic():
        authorization = _note(policy, entry, kind, version, asked)
        notices.below_policy(authorization, policy.organization, asked)


def _warn_of_disuse(policy: Policy, entry: FleetEntry, days: int) -> None:
    on = timezone.now() + policies.TOLD_BEFORE
    with transaction.atomic():
        authorization = _note(policy, entry, Kind.DISUSE, str(days), str(days))
        account = authorization.account
        if account is not None:
            notices.disuse(authorization, policy.organization, days, Dates.of(account).date(on))


def _note(policy: Policy, entry: FleetEntry, kind: Kind, about: str, told: str) -> DeviceAuthorization:
    authorization = entry.authorization
    if authorization is None:
        raise ValueError(f"entry {entry.pk} has nobody to tell")
    authorization.device = entry.device
    PolicyWarning.objects.update_or_create(
        organization=policy.organization,
        authorization=authorization,
        kind=kind,
        defaults={"about": about, "warned_at": timezone.now()},
    )
    record(
        "devices.policy_warned",
        origin=SYSTEM,
        person_id=authorization.account_id,
        organization_id=policy.organization_id,
        subject=authorization,
        details={"device": authorization.title, "kind": kind.value, "about": told},
    )
    return authorization


def _revoke(policy: Policy, entry: FleetEntry, days: int) -> bool:
    """Unless it was used, or taken into a pool, since the list was read."""
    with transaction.atomic():
        device = ownership.lock(entry.device_id)
        rows = DeviceAuthorization.objects.living().filter(fleet_entries=entry)
        authorization = rows.first()
        if device is None or authorization is None or device.owner_organization_id is not None:
            return False
        seen = authorization.last_seen_at
        if seen is not None and seen > timezone.now() - dt.timedelta(days=days):
            return False
        return actions.end(
            authorization,
            by=None,
            origin=SYSTEM,
            reason=DeviceAuthorization.RevokedReason.DISUSE,
            organization=policy.organization,
        )
