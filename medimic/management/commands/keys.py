"""`manage.py keys`: which keys there are, by fingerprint, and what still stands under which."""

from collections import Counter
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db.models import Count

from devices import deep_link
from medimic import at_rest, crypto
from medimic.audit import log, statements
from medimic.audit.models import AuditEvent, Checkpoint

FIELD_PURPOSE = "field-key"


class Command(BaseCommand):
    help = (
        "Show the fingerprints of CRYPTO_KEY, FIELD_KEYS and AUDIT_KEYS and the public keys of "
        "AUDIT_SIGNING_KEY, which one is in use, and how much stands under each. Never shows a secret key."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        self._list("CRYPTO_KEY: deep links; the fingerprint is the kid inside them", "encrypts", [
            (deep_link.key_id(key), "") for key in settings.CRYPTO_KEY
        ])  # fmt: skip
        self._fields()
        self._audit()
        self._signing()

    def _fields(self) -> None:
        standing: Counter[int] = sum((place.standing() for place in at_rest.places()), Counter())
        self._list("FIELD_KEYS: fields at rest", "encrypts", [
            (crypto.fingerprint(FIELD_PURPOSE, key), f"{standing[place]} rows")
            for place, key in enumerate(settings.FIELD_KEYS)
        ])  # fmt: skip
        old = sum(rows for place, rows in standing.items() if place > 0)
        if old:
            self.stdout.write(f"  {old} rows stand under older keys: manage.py reencrypt")
        if lost := standing[at_rest.UNREADABLE]:
            self.stdout.write(f"  {lost} rows open with none of these keys: put the missing key back")

    def _audit(self) -> None:
        rows = AuditEvent.objects.order_by().values("mac_key").annotate(rows=Count("pk"))
        signed = {row["mac_key"]: row["rows"] for row in rows}
        names = [log.key_name(key) for key in settings.AUDIT_KEYS]
        self._list("AUDIT_KEYS: the audit log's row codes", "signs", [
            (name, f"{signed.pop(name, 0)} rows") for name in names
        ])  # fmt: skip
        if signed:
            self.stdout.write(
                f"  {sum(signed.values())} rows were signed with keys that are not here: {', '.join(signed)}"
            )

    def _signing(self) -> None:
        rows = Checkpoint.objects.order_by().values("key").annotate(rows=Count("pk"))
        signed = {row["key"]: row["rows"] for row in rows}
        self._list("AUDIT_SIGNING_KEY: the audit log's checkpoints, by their public key", "signs", [
            (key, f"{signed.get(key, 0)} checkpoints") for key in statements.public_keys()
        ])  # fmt: skip

    def _list(self, title: str, use: str, keys: list[tuple[str, str]]) -> None:
        self.stdout.write(title)
        for place, (fingerprint, rows) in enumerate(keys):
            role = use if place == 0 else "kept to read"
            self.stdout.write("  " + "  ".join(filter(None, [fingerprint, role, rows])))
