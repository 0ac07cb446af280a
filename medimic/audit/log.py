"""Writing the audit log.

`record` takes part in the caller's transaction: what it tells of and the row
stand or fall together.
"""

import dataclasses
import datetime as dt
import hashlib
import hmac
import json
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection, models
from django.http import HttpRequest
from django.utils import timezone

from medimic.audit.models import ActorKind, AuditEvent
from medimic.network import client_address, client_agent

Detail = str | int | bool | None
# What the code covers, in this order; the sealer's columns come later and stand outside.
COVERED = (
    "id", "created_at", "kind", "actor_kind", "actor_id", "person_id", "organization_id",
    "object_type", "object_id", "address", "agent", "details", "salt",
)  # fmt: skip


@dataclass(frozen=True)
class Origin:
    """Who acts, and from where."""

    actor_kind: ActorKind
    actor_id: uuid.UUID | None = None
    address: str = ""
    agent: str = ""

    @classmethod
    def of(cls, request: HttpRequest) -> "Origin":
        """The signed-in person of a portal request, or nobody."""
        user = getattr(request, "user", None)
        person_id = user.pk if user is not None and user.is_authenticated else None
        kind = ActorKind.PERSON if person_id else ActorKind.ANONYMOUS
        return cls(kind, person_id, client_address(request), client_agent(request))

    @classmethod
    def staff(cls, request: HttpRequest) -> "Origin":
        """Support or an auditor, at work in the admin."""
        return dataclasses.replace(cls.of(request), actor_kind=ActorKind.STAFF)

    @classmethod
    def device(cls, request: HttpRequest, account_id: uuid.UUID | None) -> "Origin":
        """A device that calls the API for an account, or for a guest."""
        kind = ActorKind.DEVICE if account_id else ActorKind.GUEST
        return cls(kind, account_id, client_address(request), client_agent(request))


SYSTEM = Origin(ActorKind.SYSTEM)


def record(
    kind: str,
    *,
    origin: Origin,
    person_id: uuid.UUID | None = None,
    organization_id: uuid.UUID | None = None,
    subject: models.Model | None = None,
    details: Mapping[str, Detail] | None = None,
) -> AuditEvent:
    """Write one row, in the transaction that makes the change.

    `kind` is `<app>.<verb in the past>`, such as `devices.revoked`. `person_id` is
    whose log it belongs to, `subject` the object. `details` are flat, and hold
    no secret, code, token, session name or clinical text.

    Raises `RuntimeError` outside of a transaction.
    """
    if not connection.in_atomic_block:
        raise RuntimeError(f"{kind} must be recorded in the transaction that makes the change")
    event = AuditEvent(
        created_at=timezone.now(),
        kind=kind,
        actor_kind=origin.actor_kind,
        actor_id=origin.actor_id,
        person_id=person_id,
        organization_id=organization_id,
        object_type=subject._meta.label_lower if subject is not None else "",
        object_id=str(subject.pk) if subject is not None else "",
        address=_one_line(origin.address, 45),
        agent=_one_line(origin.agent, 300),
        details=canonical({key: _flat(value) for key, value in (details or {}).items()}),
        salt=secrets.token_hex(16),
    )
    signing_key = settings.AUDIT_KEYS[0]
    event.mac_key = key_name(signing_key)
    event.mac = mac(event, signing_key)
    models.Model.save(event, force_insert=True)
    return event


def canonical(content: Mapping[str, Any]) -> str:
    """JSON in one form only: sorted keys, no spaces, ASCII."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def content(event: AuditEvent) -> str:
    """The text that the code covers."""
    values: dict[str, Any] = {}
    for name in COVERED:
        value = getattr(event, name)
        if name == "created_at":
            value = value.astimezone(dt.UTC).isoformat(timespec="microseconds")
        values[name] = value if value is None or isinstance(value, str) else str(value)
    return canonical(values)


def mac(event: AuditEvent, key: bytes) -> str:
    """HMAC-SHA256 over the row's content, 64 hex digits."""
    return hmac.new(key, content(event).encode("ascii"), hashlib.sha256).hexdigest()


def key_name(key: bytes) -> str:
    """How a row names the key that its code was made with, without telling the key."""
    return hashlib.sha256(b"audit-key\0" + key).hexdigest()[:16]


def is_genuine(event: AuditEvent) -> bool:
    """Whether the row is as it was written, under one of `AUDIT_KEYS`."""
    for key in settings.AUDIT_KEYS:
        if key_name(key) == event.mac_key:
            return hmac.compare_digest(event.mac, mac(event, key))
    return False


def _flat(value: Detail) -> Detail:
    if isinstance(value, str):
        return _one_line(value, 300)
    if value is None or isinstance(value, int):
        return value
    raise TypeError(f"an audit detail is text, a number, a truth value or nothing, not {type(value)}")


def _one_line(text: str, longest: int) -> str:
    return "".join(sign if sign.isprintable() else "�" for sign in text)[:longest]
