"""What the sealer signs: checkpoints, and leave to prune. One line of the journal each.

The first of `AUDIT_SIGNING_KEY` signs; whose public key it is, the statement says. Where a new key
takes over, the one before signs that checkpoint as well, if it is still there.
"""

import hashlib
import json
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings

from medimic.audit.leaves import instant
from medimic.audit.log import canonical
from medimic.audit.models import Checkpoint, Prune

# In front of every statement, so that the key's signature means nothing elsewhere.
DOMAIN = "medimic-audit\n"
NOTHING = "0" * 64

Statement = dict[str, Any]


def of(made: Checkpoint | Prune) -> Statement:
    common = {
        "batch": made.batch, "count": made.count, "made_at": instant(made.made_at), "key": made.key,
    }  # fmt: skip
    if isinstance(made, Prune):
        return {"what": "prune", "before": instant(made.before), **common}
    return {
        "what": "checkpoint",
        "root": made.root,
        "previous": made.previous,
        "succeeds": made.succeeds,
        **common,
    }


def signed_text(statement: Statement) -> bytes:
    return f"{DOMAIN}{canonical(statement)}".encode()


def digest(made: Checkpoint) -> str:
    """What the next checkpoint names as the one before it."""
    return hashlib.sha256(signed_text(of(made))).hexdigest()


def sign(made: Checkpoint | Prune) -> None:
    """Sign with the key that it names, and with the one that it succeeds where that is at hand."""
    text = signed_text(of(made))
    made.signature = _private(made.key).sign(text).hex()
    if isinstance(made, Checkpoint) and made.succeeds in public_keys():
        made.consent = _private(made.succeeds).sign(text).hex()


def is_signed(made: Checkpoint | Prune, *, by: str | None = None, signature: str | None = None) -> bool:
    """Whether the signature is that of the key which it names, or of `by`."""
    return is_signature(
        made.key if by is None else by,
        made.signature if signature is None else signature,
        signed_text(of(made)),
    )


def is_signature(public_key: str, signature: str, text: bytes) -> bool:
    try:
        _public(public_key).verify(bytes.fromhex(signature), text)
    except (InvalidSignature, ValueError):
        return False
    return True


def line(made: Checkpoint | Prune) -> str:
    """As the journal holds it, without the line's end."""
    signatures = {"signature": made.signature}
    if isinstance(made, Checkpoint) and made.consent:
        signatures["consent"] = made.consent
    return canonical({"statement": of(made), **signatures})


def read(text: str) -> Statement | None:
    """The statement of a journal's line; None where it is not one."""
    try:
        statement = json.loads(text)["statement"]
        return statement if isinstance(statement, dict) and isinstance(statement["batch"], int) else None
    except (ValueError, KeyError, TypeError):
        return None


def public_keys() -> list[str]:
    """Of `AUDIT_SIGNING_KEY`, in hexadecimal; the first is the one that signs."""
    return [_public_of(key) for key in settings.AUDIT_SIGNING_KEY]


@lru_cache(maxsize=16)
def _public_of(key: bytes) -> str:
    return Ed25519PrivateKey.from_private_bytes(key).public_key().public_bytes_raw().hex()


def _private(public_key: str) -> Ed25519PrivateKey:
    [key] = [key for key in settings.AUDIT_SIGNING_KEY if _public_of(key) == public_key]
    return Ed25519PrivateKey.from_private_bytes(key)


@lru_cache(maxsize=16)
def _public(public_key: str) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
