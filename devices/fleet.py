"""Keeping the list of an organization's devices (`FleetEntry`) beside what it is made of.

A row is there for each device that a member has signed in on (not the patients: they do not work
there), and for each device of the pool. A device in a pool is managed there: its users' rows stand in
no list. Whoever changes a device, an authorization, a membership or a name calls one of the verbs
below, last in the transaction: rows of the list are locked behind everything else, by id.
`refresh` compares with the truth, so that a job can do it over and tests can ask whether they agree.
"""

import datetime as dt
import re
import uuid
from collections import Counter
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, F, Q, Sum

from accounts.models import Person
from devices.models import (
    Device,
    DeviceAuthorization,
    FleetCount,
    FleetEntry,
    SessionTally,
)
from orgs.models import Membership

NEVER = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
REFRESH_EVERY = dt.timedelta(days=1)
COUNT_EVERY = dt.timedelta(minutes=5)
BATCH = 500
COUNTED_AT_ONCE = 20_000
ACTIVE, ENDED = FleetEntry.State.ACTIVE, FleetEntry.State.ENDED

Key = tuple[uuid.UUID, uuid.UUID, uuid.UUID | None]
Runs = tuple[uuid.UUID, str, str, str]
# What `refresh` compares and writes; the key's three fields and the tally come beside.
FIELDS = (
    "authorization_id", "provider_key", "name_key", "platform", "os_group", "os_key", "app_key",
    "sessions", "last_seen_at", "state", "words",
)  # fmt: skip


# --- What a row says ------------------------------------------------------------


def os_group(platform: str, version: str) -> str:
    """A system with its main version: "ios 17", "linux ubuntu 24"; what one bar stands for."""
    main = re.match(r"\D*\d+", version)
    return f"{platform} {main[0] if main else version}".strip().lower()[:60]


def main_version(platform: str, group: str) -> str:
    """The number in a group, "17" of "ios 17"; empty where the system goes by a name."""
    rest = group.removeprefix(platform).strip()
    return rest if rest.isdecimal() else ""


def plain_version(key: str) -> str:
    """ "3.10" of its key, for people."""
    return re.sub(r"\d+", lambda digits: str(int(digits[0])), key)


def _facts(device: Device) -> dict[str, Any]:
    return {
        "platform": device.platform,
        "os_group": os_group(device.platform, device.os_version),
        "os_key": f"{device.platform} {device.os_version_key}".strip(),
        "app_key": device.app_version_key,
    }


def _words(*parts: str) -> str:
    return " · ".join(part for part in parts if part).lower()[:700]


def provider_key(person: Person) -> str:
    return f"{person.last_name} {person.first_name}".strip().lower()[:210]


def _of_member(row: DeviceAuthorization, device: Device, person: Person, sessions: int) -> dict[str, Any]:
    return {
        **_facts(device),
        "authorization_id": row.pk,
        "provider_key": provider_key(person),
        "name_key": (row.name or device.model).lower(),
        "sessions": sessions,
        "last_seen_at": row.last_seen_at or NEVER,
        "state": ENDED if row.revoked_at else ACTIVE,
        "words": _words(person.get_full_name(), person.display_name, row.name, device.model),
    }


def _of_pool(device: Device, sessions: int) -> dict[str, Any]:
    return {
        **_facts(device),
        "authorization_id": None,
        "provider_key": "",
        "name_key": (device.place or device.model).lower(),
        "sessions": sessions,
        "last_seen_at": device.last_seen_at,
        "state": ENDED if device.pool_ended_at else ACTIVE,
        "words": _words(device.place, device.model),
    }


# --- Verbs for what changed -------------------------------------------------------


def device_changed(device_id: uuid.UUID) -> None:
    """Somebody signed in on it, its access ended, it went into a pool, or it told another version.

    The caller holds the device's lock.
    """
    refresh(Q(device=device_id))


def seen(authorization: DeviceAuthorization, at: dt.datetime) -> None:
    """It was in use. A pooled device's row is of no account."""
    of_pool = Q(device=authorization.device_id, person=None)
    rows = FleetEntry.objects.filter(Q(authorization=authorization) | of_pool, last_seen_at__lt=at)
    rows.update(last_seen_at=at)


def renamed(authorization: DeviceAuthorization) -> None:
    """Its account calls it otherwise."""
    if authorization.device_id:
        refresh(Q(device=authorization.device_id, person=authorization.account_id))


def session_started(organization_id: uuid.UUID | None, authorization: DeviceAuthorization) -> None:
    """Count a session that begins on this device. The caller holds the authorization's lock."""
    if organization_id is None or authorization.account_id is None or authorization.device_id is None:
        return
    key = {
        "organization_id": organization_id,
        "device_id": authorization.device_id,
        "person_id": authorization.account_id,
    }
    if not SessionTally.objects.filter(**key).update(sessions=F("sessions") + 1):
        SessionTally.objects.bulk_create([SessionTally(**key)], ignore_conflicts=True)
        SessionTally.objects.filter(**key).update(sessions=F("sessions") + 1)
    FleetEntry.objects.filter(
        Q(person=authorization.account_id) | Q(person=None),
        organization=organization_id,
        device=authorization.device_id,
    ).update(sessions=F("sessions") + 1)


def member_changed(person_id: uuid.UUID, organization_id: uuid.UUID) -> None:
    """They joined, took another role, or left.

    Their devices are locked, then the account: whoever signs in on one meanwhile waits, and then
    finds the membership as it is now.
    """
    with transaction.atomic():
        theirs = DeviceAuthorization.objects.filter(account=person_id, device__isnull=False)
        devices = list(theirs.values_list("device", flat=True).distinct())
        locked = Device.objects.select_for_update(no_key=True).filter(pk__in=devices)
        list(locked.order_by("pk").values_list("pk"))
        list(Person.objects.select_for_update(no_key=True).filter(pk=person_id).values_list("pk"))
        refresh(Q(person=person_id, organization=organization_id))


def person_named(person_id: uuid.UUID) -> None:
    with transaction.atomic():
        refresh(Q(person=person_id))


# --- The comparison with the truth ----------------------------------------------------


def refresh(scope: Q) -> None:
    """Make the rows within `scope` what they have to be.

    `scope` names `device` (or `device__in`), `person`, `organization` or several of them.
    """
    rows = FleetEntry.objects.select_for_update().filter(scope).order_by("pk")
    present: dict[Key, FleetEntry] = {
        (row.organization_id, row.device_id, row.person_id): row for row in rows
    }
    differences: Counter[Runs] = Counter()
    made, changed = [], []
    for key, values in _wanted(scope).items():
        row = present.pop(key, None)
        if row is None:
            organization_id, device_id, person_id = key
            row = FleetEntry(organization_id=organization_id, device_id=device_id, person_id=person_id)
            made.append(row)
        elif all(getattr(row, name) == value for name, value in values.items()):
            continue
        else:
            differences.subtract(_runs(row))
            changed.append(row)
        for name, value in values.items():
            setattr(row, name, value)
        differences.update(_runs(row))
    for row in present.values():
        differences.subtract(_runs(row))
    FleetEntry.objects.bulk_create(made, batch_size=BATCH)
    if changed:
        FleetEntry.objects.bulk_update(changed, FIELDS, batch_size=BATCH)
    if present:
        FleetEntry.objects.filter(pk__in=[row.pk for row in present.values()]).delete()
    _note(differences)


def _wanted(scope: Q) -> dict[Key, dict[str, Any]]:
    """The rows within a scope as the truth has them."""
    wanted: dict[Key, dict[str, Any]] = {}
    used = DeviceAuthorization.objects.filter(
        device__isnull=False, account__isnull=False, device__owner_organization=None, successor=None
    )
    pooled = Device.objects.filter(owner_organization__isnull=False)
    members = Membership.objects.working()
    for field, lookup, value in _conditions(scope):
        if field == "device":
            used = used.filter(**{f"device{lookup}": value})
            pooled = pooled.filter(**{f"pk{lookup}": value})
        elif field == "person":
            used, members = used.filter(account=value), members.filter(person=value)
            pooled = pooled.none()
        else:
            members, pooled = members.filter(organization=value), pooled.filter(owner_organization=value)
            used = used.filter(account__in=members.values("person"))
    # Should a pair have two rows, the living one comes last and stays.
    rows = list(used.select_related("device", "account").order_by("-revoked_at", "created_at"))
    rows.sort(key=lambda row: row.revoked_at is None)
    workplaces: dict[uuid.UUID, list[uuid.UUID]] = {}
    members = members.filter(person__in={row.account_id for row in rows})
    for person_id, organization_id in members.values_list("person", "organization"):
        workplaces.setdefault(person_id, []).append(organization_id)
    pool = list(pooled)
    tally = _tally({*(row.device_id for row in rows), *(device.pk for device in pool)})
    for row in rows:
        if row.device is None or row.account is None:
            continue
        for organization_id in workplaces.get(row.account.pk, []):
            sessions = tally[organization_id, row.device.pk, row.account.pk]
            key = (organization_id, row.device.pk, row.account.pk)
            wanted[key] = _of_member(row, row.device, row.account, sessions)
    for device in pool:
        if device.owner_organization_id:
            key_of_pool = (device.owner_organization_id, device.pk, None)
            wanted[key_of_pool] = _of_pool(device, tally[key_of_pool])
    return wanted


def _conditions(scope: Q) -> list[tuple[str, str, Any]]:
    """(field, lookup with its underscores, value) of each part of a scope."""
    found = []
    for child in scope.children:
        if isinstance(child, tuple):
            field, separator, lookup = child[0].partition("__")
            found.append((field, f"{separator}{lookup}", child[1]))
    return found


def _tally(devices: set[uuid.UUID | None]) -> Counter[Key]:
    """By organization, device and account; and, without an account, of all of a device's together."""
    found: Counter[Key] = Counter()
    rows = SessionTally.objects.filter(device__in=devices)
    for organization_id, device_id, person_id, sessions in rows.values_list(
        "organization", "device", "person", "sessions"
    ):
        found[organization_id, device_id, person_id] += sessions
        found[organization_id, device_id, None] += sessions
    return found


def refresh_all() -> None:
    """Compare every list with the truth, a few devices at a time; for a job, and after bulk imports."""
    # Rows of devices are never deleted, so that each row of the list has its device.
    last = None
    while True:
        devices = Device.objects.order_by("pk")
        if last is not None:
            devices = devices.filter(pk__gt=last)
        batch = list(devices.values_list("pk", flat=True)[:BATCH])
        if not batch:
            return
        with transaction.atomic():
            list(
                Device.objects.select_for_update(no_key=True)
                .filter(pk__in=batch)
                .order_by("pk")
                .values_list("pk")
            )
            refresh(Q(device__in=batch))
        last = batch[-1]


# --- How many run what -------------------------------------------------------------


def _runs(row: FleetEntry) -> list[Runs]:
    """What an active row counts for."""
    if row.state != ACTIVE:
        return []
    return [(row.organization_id, row.platform, row.os_group, row.app_key)]


def _note(differences: Counter[Runs]) -> None:
    FleetCount.objects.bulk_create(
        [
            FleetCount(
                organization_id=organization_id,
                platform=platform,
                os_group=group,
                app_key=app_key,
                number=number,
            )
            for (organization_id, platform, group, app_key), number in differences.items()
            if number
        ],
        batch_size=BATCH,
    )


def counts(organization_id: uuid.UUID) -> Counter[tuple[str, str, str]]:
    """How many active rows there are by (platform, OS group, app key)."""
    sums = (
        FleetCount.objects.filter(organization=organization_id)
        .order_by()
        .values_list("platform", "os_group", "app_key")
        .annotate(sum=Sum("number"))
    )
    return Counter({(platform, group, app): number for platform, group, app, number in sums if number})


def add_up_counts() -> None:
    """Put one row in place of all those that speak of the same; a job's work."""
    several = FleetCount.objects.order_by().values("organization").annotate(rows=Count("pk"))
    for organization_id in several.filter(rows__gt=1).values_list("organization", flat=True):
        with transaction.atomic():
            # What comes in meanwhile is left for the next time.
            rows = list(
                FleetCount.objects.select_for_update(skip_locked=connection.features.has_select_for_update)
                .filter(organization=organization_id)
                .order_by("pk")[:COUNTED_AT_ONCE]
            )
            sums: Counter[Runs] = Counter()
            for row in rows:
                sums[row.organization_id, row.platform, row.os_group, row.app_key] += row.number
            FleetCount.objects.filter(pk__in=[row.pk for row in rows]).delete()
            _note(sums)
