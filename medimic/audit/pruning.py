"""Retention: whole batches older than six years go, by a prune that is signed, and their checkpoints stay."""

import datetime as dt
import uuid
from dataclasses import dataclass

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from medimic.audit import journal, statements
from medimic.audit.log import SYSTEM, record
from medimic.audit.models import AuditEvent, Checkpoint, Prune
from medimic.audit.triggers_sealing import YEARS

CHUNK = 5000


class TooYoung(ValueError):
    """Asked to prune what is not six years old."""


@dataclass(frozen=True)
class Plan:
    """Up to which checkpoint, and how many rows that is; nothing where there is no checkpoint."""

    before: dt.datetime
    checkpoint: Checkpoint | None
    rows: int


def oldest_kept(at: dt.datetime) -> dt.datetime:
    """What was made before this is more than six years old."""
    try:
        return at.replace(year=at.year - YEARS)
    except ValueError:  # the 29th of February
        return at.replace(year=at.year - YEARS, day=28)


def plan(before: dt.datetime | None = None) -> Plan:
    """What a prune would delete. Raises `TooYoung`."""
    oldest = oldest_kept(timezone.now())
    if before and before > oldest:
        raise TooYoung
    before = before or oldest
    checkpoint = _last_made_before(before)
    if checkpoint:
        # A clock that went wrong may have left a younger row in an old batch.
        young = AuditEvent.objects.filter(position__lte=checkpoint.count, created_at__gte=before)
        if (first := young.order_by("position").first()) and first.batch:
            checkpoint = Checkpoint.objects.filter(batch__lt=first.batch).order_by("-batch").first()
    rows = AuditEvent.objects.filter(position__lte=checkpoint.count).count() if checkpoint else 0
    return Plan(before, checkpoint, rows)


def prune(planned: Plan) -> int:
    """Do it, and return how many rows went. Stopped halfway, it goes on when it is run again."""
    checkpoint = planned.checkpoint
    if checkpoint is None or not planned.rows:
        return 0
    with journal.opened(seconds=30) as ours:
        if ours is None:
            raise journal.Differs("another process holds it")
        if not Prune.objects.filter(batch__gte=checkpoint.batch).exists():
            ours.append(_signed(planned, checkpoint))
    deleted = 0
    while rows := list(_covered(checkpoint)[:CHUNK]):
        with transaction.atomic():
            deleted += AuditEvent.objects.filter(pk__in=rows).order_by().delete()[0]
    return deleted


def _signed(planned: Plan, checkpoint: Checkpoint) -> Prune:
    made = Prune(
        batch=checkpoint.batch,
        count=checkpoint.count,
        before=planned.before,
        made_at=timezone.now(),
        key=statements.public_keys()[0],
    )
    statements.sign(made)
    with transaction.atomic():
        made.save(force_insert=True)
        record(
            "audit.pruned",
            origin=SYSTEM,
            details={
                "rows": planned.rows,
                "batch": checkpoint.batch,
                "before": planned.before.date().isoformat(),
            },
        )
    return made


def _covered(checkpoint: Checkpoint) -> "QuerySet[AuditEvent, uuid.UUID]":
    rows = AuditEvent.objects.filter(position__lte=checkpoint.count).order_by("position")
    return rows.values_list("pk", flat=True)


def _last_made_before(instant: dt.datetime) -> Checkpoint | None:
    """Checkpoints are made in their order: the last of the old ones is found by halving."""
    newest = Checkpoint.objects.order_by("-batch").values_list("batch", flat=True).first() or 0
    low, high = 0, newest
    while low < high:
        middle = (low + high + 1) // 2
        if Checkpoint.objects.filter(batch=middle, made_at__lt=instant).exists():
            low = middle
        else:
            high = middle - 1
    return Checkpoint.objects.filter(batch=low).first()
