"""A browser that has subscribed: reads RFC 8291 by the letter of the standard, with the HMAC of the
standard library, so that it shares no step with what encrypts."""

import base64
import hashlib
import hmac
import json
import os
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


class Browser:
    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.path = urlsplit(endpoint).path
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.auth = os.urandom(16)

    @property
    def point(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    @property
    def token(self) -> str:
        """What the portal keeps of it."""
        members = {"endpoint": self.endpoint, "p256dh": b64(self.point), "auth": b64(self.auth)}
        return json.dumps(members, separators=(",", ":"))

    def read(self, body: bytes) -> bytes:
        """Sections 2 to 4 of RFC 8291, for a single record."""
        salt, size, length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
        sender, sealed = body[21 : 21 + length], body[21 + length :]
        assert length == 65
        assert 18 <= len(sealed) <= size
        peer = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender)
        shared = self.key.exchange(ec.ECDH(), peer)
        info = b"WebPush: info" + bytes(1) + self.point + sender
        secret = _hmac(_hmac(self.auth, shared), info + b"\x01")
        pseudo_random_key = _hmac(salt, secret)
        key = _hmac(pseudo_random_key, b"Content-Encoding: aes128gcm\x00\x01")[:16]
        nonce = _hmac(pseudo_random_key, b"Content-Encoding: nonce\x00\x01")[:12]
        opened = Cipher(algorithms.AES(key), modes.GCM(nonce, sealed[-16:])).decryptor()
        padded = opened.update(sealed[:-16]) + opened.finalize()
        plain, mark, _ = padded.rstrip(b"\0").rpartition(b"\x02")
        assert mark
        return plain


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()
