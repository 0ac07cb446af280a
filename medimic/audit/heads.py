"""The last numbers of people's and organizations' logs. They outlive rows that were pruned, and with
a code under `AUDIT_KEYS` they tell that a log's end was cut off."""

import hashlib
import hmac
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.conf import settings
from django.db import connection

from medimic.audit.log import canonical, key_name
from medimic.audit.models import Head

logger = logging.getLogger(__name__)


@dataclass
class Numbers:
    """The numbers that some logs have come to, while rows are added to them."""

    known: dict[str, Head]
    changed: dict[str, int] = field(default_factory=dict)

    def next(self, scope: str) -> int:
        last = self.changed.get(scope)
        if last is None:
            last = self.known[scope].number if scope in self.known else 0
        self.changed[scope] = last + 1
        return last + 1

    def save(self) -> None:
        key = settings.AUDIT_KEYS[0]
        made = [
            Head(scope=scope, number=number, mac=_mac(scope, number, key), mac_key=key_name(key))
            for scope, number in self.changed.items()
        ]
        Head.objects.bulk_create([head for head in made if head.scope not in self.known])
        _update([head for head in made if head.scope in self.known])


def load(scopes: Iterable[str]) -> Numbers:
    known = Head.objects.in_bulk(list(set(scopes)))
    for head in known.values():
        if not is_genuine(head):
            logger.error("the head of %s in the audit log was changed", head.scope)
    return Numbers(known)


def is_genuine(head: Head) -> bool:
    """Whether it was written under one of `AUDIT_KEYS`; one whose key is gone proves nothing."""
    return any(
        key_name(key) == head.mac_key and hmac.compare_digest(head.mac, _mac(head.scope, head.number, key))
        for key in settings.AUDIT_KEYS
    )


def _mac(scope: str, number: int, key: bytes) -> str:
    return hmac.new(key, canonical({"head": scope, "number": number}).encode(), hashlib.sha256).hexdigest()


def _update(changed: list[Head]) -> None:
    if not changed:
        return
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            columns = [[getattr(head, name) for head in changed] for name in ("scope", "number", "mac")]
            cursor.execute(
                "UPDATE audit_head AS head SET number = new.number, mac = new.mac, mac_key = %s "
                "FROM unnest(%s::text[], %s::bigint[], %s::text[]) AS new (scope, number, mac) "
                "WHERE head.scope = new.scope",
                [changed[0].mac_key, *columns],
            )
        else:
            cursor.executemany(
                "UPDATE audit_head SET number = %s, mac = %s, mac_key = %s WHERE scope = %s",
                [[head.number, head.mac, head.mac_key, head.scope] for head in changed],
            )
