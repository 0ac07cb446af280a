"""Passkeys: keys that a person's devices keep, and that sign in alone or as a second factor.

Each is made so that it can do both: the device keeps it by itself ("discoverable"), and asks for a
finger, a face or a PIN before it is used. allauth checks them; it is told here who we are.
"""

from typing import Any

from allauth.mfa.models import Authenticator
from django.db import transaction
from django.db.models import QuerySet

from accounts.models import Person
from medimic import crypto
from medimic.audit.log import Origin, record

REFERENCE_LENGTH = 32
NAME_LENGTH = 60
# So that nobody fills the table; each is read whenever one of them is used.
MOST = 20


def of(person: Person) -> QuerySet[Authenticator]:
    """The person's passkeys, the oldest first."""
    return Authenticator.objects.filter(user=person, type=Authenticator.Type.WEBAUTHN).order_by(
        "created_at", "pk"
    )


def reference(passkey: Authenticator) -> str:
    """What names a passkey in addresses: its number would tell how many there are."""
    return crypto.keyed_hash("passkey", str(passkey.pk))[:REFERENCE_LENGTH]


def find(person: Person, name: str) -> Authenticator | None:
    """The person's passkey of this reference."""
    return next((passkey for passkey in of(person) if reference(passkey) == name), None)


def has_room(person: Person) -> bool:
    return of(person).count() < MOST


def rename(*, person: Person, passkey: Authenticator, name: str, origin: Origin) -> None:
    """Call it something else. The log does not hold the name: people write what they like there."""
    with transaction.atomic():
        wrapped: Any = passkey.wrap()
        if wrapped.name == name:
            return
        wrapped.name = name
        passkey.save(update_fields=["data"])
        record("accounts.passkey_renamed", origin=origin, person_id=person.pk, subject=person)
