"""Putting messages into the outbox."""

import datetime as dt
import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.utils import timezone

from medimic.outbox import registry
from medimic.outbox.models import Delivery

STALE_AFTER = dt.timedelta(days=2)


def enqueue(
    kind: str,
    *,
    channel: str,
    recipient: str,
    body: dict[str, Any],
    person_id: uuid.UUID | None = None,
    subject_id: uuid.UUID | None = None,
    stale_after: dt.timedelta = STALE_AFTER,
    dedupe_key: str | None = None,
    service: str = "",
) -> Delivery:
    """Have a message sent once the caller's transaction is committed.

    `kind` is `<app>.<message>`. `body` is JSON in the form that the channel takes.
    `subject_id` is what the kind's guard is asked about. After `stale_after` the
    message is given up rather than sent. With a `dedupe_key` that was used in the last
    30 days, the earlier delivery is returned and nothing is added. `service` (at most 100
    characters; the channel's name unless said) is what the circuit breaker counts by:
    "apns", "webpush:push.example".

    Raises `RuntimeError` outside of a transaction.
    """
    _require_transaction(kind)
    content = {
        **_addressed(channel, service, recipient, body),
        **_common(kind, person_id, subject_id, stale_after),
    }
    if dedupe_key is None:
        return Delivery.objects.create(**content)
    delivery, _ = Delivery.objects.get_or_create(dedupe_key=dedupe_key, defaults=content)
    return delivery


@dataclass(frozen=True, kw_only=True)
class Copy:
    """One of several messages that tell the same."""

    channel: str
    recipient: str
    body: dict[str, Any]
    dedupe_key: str
    service: str = ""


def enqueue_copies(
    kind: str,
    copies: Iterable[Copy],
    *,
    person_id: uuid.UUID | None = None,
    subject_id: uuid.UUID | None = None,
    stale_after: dt.timedelta = STALE_AFTER,
) -> None:
    """As `enqueue`, in one statement however many; those whose `dedupe_key` was used are left out."""
    _require_transaction(kind)
    common = _common(kind, person_id, subject_id, stale_after)
    rows = [
        Delivery(
            **_addressed(copy.channel, copy.service, copy.recipient, copy.body),
            **common,
            dedupe_key=copy.dedupe_key,
        )
        for copy in copies
    ]
    Delivery.objects.bulk_create(rows, ignore_conflicts=True)


def _require_transaction(kind: str) -> None:
    if not connection.in_atomic_block:
        raise RuntimeError(f"{kind} must be enqueued in the transaction that causes it")


def _addressed(channel: str, service: str, recipient: str, body: dict[str, Any]) -> dict[str, Any]:
    return {
        "channel": channel,
        "service": service or channel,
        "recipient": recipient,
        "recipient_masked": registry.channel(channel).masked(recipient)[:100],
        "body": json.dumps(body),
    }


def _common(
    kind: str, person_id: uuid.UUID | None, subject_id: uuid.UUID | None, stale_after: dt.timedelta
) -> dict[str, Any]:
    now = timezone.now()
    return {
        "kind": kind,
        "person_id": person_id,
        "subject_id": subject_id,
        "created_at": now,
        "due_at": now,
        "stale_at": now + stale_after,
    }
