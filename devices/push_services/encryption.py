"""RFC 8291: one record that only the browser with the subscription's keys can read."""

import os

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

SALT_BYTES = 16
POINT_BYTES = 65
AUTH_BYTES = 16
RECORD_BYTES = 4096
# The record's header (salt, its size, the key and its length), the end mark, and the tag.
LONGEST = RECORD_BYTES - (SALT_BYTES + 4 + 1 + POINT_BYTES) - 1 - 16
# What is shorter is filled up, so that its length tells nothing of what it says.
FILLED_TO = 1024
LAST_RECORD = b"\x02"


def public_point(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def encrypt(
    plain: bytes,
    *,
    receiver: bytes,
    auth: bytes,
    sender: ec.EllipticCurvePrivateKey | None = None,
    salt: bytes | None = None,
    filled_to: int = FILLED_TO,
) -> bytes:
    """A body of `Content-Encoding: aes128gcm` for the subscription's `p256dh` and `auth`.

    `sender` and `salt` are there for the example of the standard: each body needs its own.
    Raises `ValueError` for a key that is none, or what is too long.
    """
    if len(plain) > LONGEST:
        raise ValueError(f"a push holds {LONGEST} bytes at the most")
    sender, salt = sender or ec.generate_private_key(ec.SECP256R1()), salt or os.urandom(SALT_BYTES)
    peer = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), receiver)
    point = public_point(sender)
    shared = sender.exchange(ec.ECDH(), peer)
    secret = _derived(shared, auth, b"WebPush: info\0" + receiver + point, 32)
    key = _derived(secret, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derived(secret, salt, b"Content-Encoding: nonce\0", 12)
    record = (plain + LAST_RECORD).ljust(min(filled_to, LONGEST) + 1, b"\0")
    header = salt + RECORD_BYTES.to_bytes(4, "big") + bytes([len(point)]) + point
    return header + AESGCM(key).encrypt(nonce, record, None)


def _derived(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(secret)
