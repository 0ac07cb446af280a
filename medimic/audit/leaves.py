"""What the seal covers of a row: every column of it.

A leaf is made of five parts, each hashed by itself with a salt of its own: a reader of an export
is shown the parts that are theirs, and only the hashes of the others. `docs/audit.md` has the format.
"""

import datetime as dt
import hashlib
import hmac
from typing import Any

from medimic.audit import tree
from medimic.audit.log import canonical
from medimic.audit.models import AuditEvent

# The salt makes all of them, and so is covered as well.
PARTS = {
    "event": (
        "id", "created_at", "kind", "actor_kind", "person_id", "organization_id",
        "object_type", "object_id", "details", "position", "batch",
    ),
    "origin": ("actor_id", "address", "agent"),
    "person": ("person_position",),
    "organization": ("organization_position",),
    "code": ("mac", "mac_key"),
}  # fmt: skip


def parts(event: AuditEvent) -> dict[str, dict[str, Any]]:
    """Each part as it is hashed: its name, its salt and its columns."""
    salt = event.salt.encode()
    return {
        part: {
            "part": part,
            "salt": hmac.digest(salt, part.encode(), "sha256")[:16].hex(),
            **{name: _plain(getattr(event, name)) for name in names},
        }
        for part, names in PARTS.items()
    }


def digest(part: dict[str, Any]) -> bytes:
    return hashlib.sha256(canonical(part).encode()).digest()


def leaf(event: AuditEvent) -> bytes:
    return tree.leaf(b"".join(digest(part) for part in parts(event).values()))


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, dt.datetime):
        return instant(value)
    return str(value)


def instant(value: dt.datetime) -> str:
    """In one form only, to the microsecond."""
    return value.astimezone(dt.UTC).isoformat(timespec="microseconds")
