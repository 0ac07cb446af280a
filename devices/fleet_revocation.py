"""Many devices revoked in one act: exactly those that the preview listed, a few at a time.

What an admin ticks, or all that the filter finds, is written down as it is at that instant. After the
confirmation each device is a transaction of its own, as if it were revoked alone: its member is told,
and it stands in the log. A worker that dies goes on where it was; whoever left meanwhile is skipped.
"""

import datetime as dt
import time
import uuid
from collections.abc import Iterable

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import Person
from devices import actions, pool
from devices.models import BulkRevocation, DeviceAuthorization, FleetEntry
from medimic.audit.log import Origin, record
from medimic.audit.models import ActorKind
from orgs.models import Organization

EVERY = dt.timedelta(seconds=5)
# A job's run; then the worker sends mails again.
RUNS_FOR = 10.0
# So many are done before the confirmation answers.
AT_ONCE = 25
UNCONFIRMED_KEPT = dt.timedelta(days=1)
BYTES = 16


def prepare(
    rows: "QuerySet[FleetEntry]", *, organization: Organization, by: Person, chosen_by: str = ""
) -> BulkRevocation:
    """Write down what would be revoked: of these rows the active ones, but for one's own devices."""
    found = (
        rows.filter(organization=organization, state=FleetEntry.State.ACTIVE)
        .exclude(person=by)
        .order_by("-last_seen_at", "-id")
    )
    members: list[uuid.UUID] = []
    people: set[uuid.UUID] = set()
    pooled: list[uuid.UUID] = []
    keys = found.values_list("authorization", "person", "device").iterator()
    for authorization, person, device in keys:
        if authorization and person:
            members.append(authorization)
            people.add(person)
        else:
            pooled.append(device)
    ids = [*members, *pooled]
    return BulkRevocation.objects.create(
        organization=organization,
        created_by=by,
        chosen_by=chosen_by[:500],
        targets=b"".join(key.bytes for key in ids),
        total=len(ids),
        pooled=len(pooled),
        people=len(people),
    )


def ticked(values: Iterable[str]) -> tuple[list[uuid.UUID], list[uuid.UUID]]:
    """The authorizations and the pooled devices that a form's ticks name; nonsense names none."""
    found: dict[str, list[uuid.UUID]] = {"a": [], "d": []}
    for value in values:
        try:
            found[value[:1]].append(uuid.UUID(hex=value[1:]))
        except (KeyError, ValueError):
            continue
    return found["a"], found["d"]


def ids_of(bulk: BulkRevocation, start: int, end: int) -> list[uuid.UUID]:
    """Its targets from one position to another; those from `total - pooled` on are devices."""
    content = bytes(bulk.targets)[start * BYTES : min(end, bulk.total) * BYTES]
    return [uuid.UUID(bytes=content[at : at + BYTES]) for at in range(0, len(content), BYTES)]


def rows_of(bulk: BulkRevocation, start: int, end: int) -> "QuerySet[FleetEntry]":
    """What stands at these positions, as the list has it now."""
    ids = ids_of(bulk, start, end)
    members = bulk.total - bulk.pooled
    rows = FleetEntry.objects.filter(organization=bulk.organization_id)
    here = max(0, members - start)
    return rows.filter(authorization__in=ids[:here]) | rows.filter(person=None, device__in=ids[here:])


def confirm(bulk: BulkRevocation, *, origin: Origin) -> bool:
    """Have it done: the first of them now, the others by the worker. False if it was confirmed before."""
    with transaction.atomic():
        waiting = BulkRevocation.objects.filter(pk=bulk.pk, confirmed_at=None)
        if not waiting.update(
            confirmed_at=timezone.now(), address=origin.address[:45], agent=origin.agent[:300]
        ):
            return False
        record(
            "devices.bulk_revoked",
            origin=origin,
            person_id=bulk.created_by_id,
            organization_id=bulk.organization_id,
            subject=bulk,
            details={"devices": bulk.total, "people": bulk.people, "filter": bulk.chosen_by},
        )
    for _number in range(min(AT_ONCE, bulk.total) + 1):
        if not go_on(bulk.pk):
            break
    return True


def go_on(bulk_id: uuid.UUID) -> bool:
    """Revoke the next one; False once it is over."""
    with transaction.atomic():
        # Its lock makes the worker and the page take turns.
        bulk = (
            BulkRevocation.objects.select_for_update(no_key=True, of=("self",))
            .select_related("organization", "created_by")
            .get(pk=bulk_id)
        )
        if bulk.confirmed_at is None or bulk.finished_at is not None:
            return False
        if bulk.done == bulk.total:
            bulk.finished_at = timezone.now()
            bulk.save(update_fields=["finished_at"])
            return False
        bulk.ended += _end(bulk)
        bulk.done += 1
        bulk.save(update_fields=["done", "ended"])
        return True


def _end(bulk: BulkRevocation) -> bool:
    key = ids_of(bulk, bulk.done, bulk.done + 1)[0]
    listed = FleetEntry.objects.filter(organization=bulk.organization_id, state=FleetEntry.State.ACTIVE)
    origin = Origin(ActorKind.PERSON, bulk.created_by_id, bulk.address, bulk.agent)
    if bulk.done >= bulk.total - bulk.pooled:
        entry = listed.filter(device=key, person=None).select_related("device").first()
        if entry is None:
            return False
        try:
            return pool.revoke(
                device=entry.device, organization=bulk.organization, by=bulk.created_by, origin=origin
            )
        except pool.NotPossible:
            return False
    if not listed.filter(authorization=key).exists():
        return False
    return actions.revoke(
        authorization=DeviceAuthorization.objects.get(pk=key),
        by=bulk.created_by,
        origin=origin,
        reason=DeviceAuthorization.RevokedReason.ORGANIZATION,
        organization=bulk.organization,
    )


def go_on_all() -> None:
    """The worker's share: all that are confirmed and not over, for a while."""
    stop = time.monotonic() + RUNS_FOR
    running = BulkRevocation.objects.filter(confirmed_at__isnull=False, finished_at=None)
    for key in running.order_by("confirmed_at").values_list("pk", flat=True):
        while time.monotonic() < stop and go_on(key):
            pass
    BulkRevocation.objects.filter(
        confirmed_at=None, created_at__lt=timezone.now() - UNCONFIRMED_KEPT
    ).delete()
