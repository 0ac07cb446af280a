"""Encryption at rest and keyed hashes, under the keys of the settings.

`FIELD_KEYS` encrypt (Fernet: AES-128-CBC with HMAC-SHA256 from 32 bytes); the
first one encrypts, all of them decrypt. `LOOKUP_KEY` hashes what must be found
again without being stored: device identifiers and phone numbers.
"""

import base64
import hashlib
import hmac
import secrets
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

TOKEN_BYTES = 32


class Undecryptable(ValueError):
    """No key of the ring opens this text, or it was changed."""


@lru_cache(maxsize=8)
def _ring(keys: tuple[bytes, ...]) -> MultiFernet:
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in keys])


def encrypt(text: str) -> str:
    """Encrypt text for storage, with the first of `FIELD_KEYS`."""
    return _ring(tuple(settings.FIELD_KEYS)).encrypt(text.encode()).decode("ascii")


def decrypt(stored: str) -> str:
    """Open what `encrypt` made; raises `Undecryptable`."""
    try:
        return _ring(tuple(settings.FIELD_KEYS)).decrypt(stored.encode("ascii")).decode()
    except (InvalidToken, UnicodeError) as error:
        raise Undecryptable from error


def standing(stored: str) -> int | None:
    """Which of `FIELD_KEYS` opens it, by its place in the list; None where none does."""
    for place, key in enumerate(settings.FIELD_KEYS):
        try:
            _ring((key,)).decrypt(stored.encode("ascii"))
        except (InvalidToken, UnicodeError):
            continue
        return place
    return None


def reencrypt(stored: str) -> str:
    """The same text under the first of `FIELD_KEYS`; raises `Undecryptable`."""
    return encrypt(decrypt(stored))


def fingerprint(purpose: str, key: bytes) -> str:
    """16 hex digits that name a key without telling it, other ones for each purpose."""
    return hashlib.sha256(f"{purpose}\0".encode() + key).hexdigest()[:16]


def keyed_hash(purpose: str, value: str) -> str:
    """64 hex digits: HMAC-SHA256 of the value, a different one for each purpose."""
    message = f"{purpose}\0{value}".encode()
    return hmac.new(settings.LOOKUP_KEY, message, hashlib.sha256).hexdigest()


def new_token() -> str:
    """A bearer token of 256 random bits: 43 characters of URL-safe base64."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def token_hash(token: str) -> str:
    """What is stored of a token: SHA-256, 64 hex digits. Its 256 random bits need no salt."""
    return hashlib.sha256(token.encode()).hexdigest()
