"""What we check of a handshake: docs/encryption.md has the whole of it.

The keys are the devices'. We see to the order, and that whoever reveals shows what they
committed to; the six digits on both screens tell people whether we did.
"""

import base64
import hashlib
import hmac
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from devices.keys import PublicKey

COMMITMENT_LABEL = b"medimic/commitment/v1\0"


def _canonical(text: str) -> str:
    """32 bytes have one spelling alone: the last sign's spare bits are none."""
    if encoded(decoded(text)) != text:
        raise ValueError("must be 32 bytes in base64url")
    return text


# 32 bytes in base64url without padding: a commitment, a nonce, a thumbprint.
Bytes32 = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{43}$"), AfterValidator(_canonical)]


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def commitment(key: PublicKey, nonce: str) -> str:
    """What fixes a key and a nonce before they are told."""
    point = b"\x04" + decoded(key.x) + decoded(key.y)
    return encoded(hashlib.sha256(COMMITMENT_LABEL + point + decoded(nonce)).digest())


def is_committed(key: PublicKey, nonce: str, to: str) -> bool:
    return hmac.compare_digest(commitment(key, nonce), to)
