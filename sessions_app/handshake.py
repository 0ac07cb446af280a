"""What we check of a handshake: docs/encryption.md has the whole of it.

The keys are the devices'. We see to the order, and that whoever reveals shows what they
committed to; the six digits on both screens tell people whether we did.
"""

import hashlib
import hmac

from devices.keys import PublicKey
from sessions_app.base64url import decoded, encoded

COMMITMENT_LABEL = b"medimic/commitment/v1\0"


def commitment(key: PublicKey, nonce: str) -> str:
    """What fixes a key and a nonce before they are told."""
    point = b"\x04" + decoded(key.x) + decoded(key.y)
    return encoded(hashlib.sha256(COMMITMENT_LABEL + point + decoded(nonce)).digest())


def is_committed(key: PublicKey, nonce: str, to: str) -> bool:
    return hmac.compare_digest(commitment(key, nonce), to)
