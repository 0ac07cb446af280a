"""End-to-end encryption of transcripts, as docs/encryption.md describes it: pure functions.

Keys travel as JWKs, everything else that is binary as base64url without padding, ids as UUIDs.
static/js/e2e/crypto.js is the same for a browser; tests/vectors/encryption.json holds both to it.
"""

import base64
import hashlib
import hmac
import json
import secrets
import uuid
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

Key = dict[str, Any]

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
HANDSHAKE_NONCE_BYTES = 32
WRAPPED_BYTES = 40
# Plain text is filled up to whole blocks, so that its length tells less.
BLOCK_BYTES = 64
LONGEST_CIPHERTEXT = 16 * 1024
LAST_SEQUENCE = 2**53 - 1
VERSION = 1
# The context of a key request's digits, which belongs to no session.
NO_SESSION = str(uuid.UUID(int=0))


class Refused(ValueError):
    """What came is not what it says it is."""


class TooLong(ValueError):
    """More than one segment holds."""


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(text: Any, length: int | None = None) -> bytes:
    """The bytes of base64url in its one canonical form, of that length. Raises `Refused`."""
    if not isinstance(text, str):
        raise Refused("That is no text.")
    try:
        raw = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except ValueError as error:
        raise Refused("That is not base64url.") from error
    if encoded(raw) != text or (length is not None and len(raw) != length):
        raise Refused("That is not base64url of the right length.")
    return raw


def new_session_key() -> bytes:
    return secrets.token_bytes(KEY_BYTES)


def new_nonce() -> str:
    """What one side adds to one handshake."""
    return encoded(secrets.token_bytes(HANDSHAKE_NONCE_BYTES))


def thumbprint(public_key: Key) -> str:
    """RFC 7638, SHA-256. Raises `Refused` for what is no point of the curve."""
    return encoded(_thumbprint(public_key))


def commitment(public_key: Key, nonce: str) -> str:
    """What the joiner sends first: it fixes key and nonce, and tells neither."""
    nonce_bytes = decoded(nonce, HANDSHAKE_NONCE_BYTES)
    return encoded(_digest("medimic/commitment/v1", _point(public_key), nonce_bytes))


def fits(committed: str, public_key: Key, nonce: str) -> bool:
    """Whether what was revealed is what was committed to."""
    try:
        return hmac.compare_digest(decoded(committed), decoded(commitment(public_key, nonce)))
    except Refused:
        return False


def digits(
    context: str, subject: str, host_key: Key, host_nonce: str, joiner_key: Key, joiner_nonce: str
) -> str:
    """The six digits that both people compare, like "042117".

    For joining: session and participant. For a key request: `NO_SESSION` and the request,
    the device that answers in the host's place.
    """
    digest = _digest(
        "medimic/digits/v1",
        _uuid(context),
        _uuid(subject),
        _point(host_key),
        decoded(host_nonce, HANDSHAKE_NONCE_BYTES),
        _point(joiner_key),
        decoded(joiner_nonce, HANDSHAKE_NONCE_BYTES),
    )
    return f"{int.from_bytes(digest[:8]) % 10**6:06}"


def grouped(six: str) -> str:
    """As people read them: "042 117"."""
    return f"{six[:3]} {six[3:]}"


def wrap(session_key: bytes, session: str, private_key: Key, recipient: Key) -> str:
    """An envelope: the session's key for `recipient`, such as only the holder of `private_key` makes."""
    kek = _envelope_key(session, private_key, other=recipient, sender=private_key, recipient=recipient)
    return encoded(aes_key_wrap(kek, session_key))


def unwrap(wrapped: str, session: str, private_key: Key, sender: Key) -> bytes:
    """The session's key. Raises `Refused` unless `sender` made it for this key and this session."""
    kek = _envelope_key(session, private_key, other=sender, sender=sender, recipient=private_key)
    try:
        return aes_key_unwrap(kek, decoded(wrapped, WRAPPED_BYTES))
    except InvalidUnwrap as error:
        raise Refused("This envelope was not made by that key for this one.") from error


def encrypt_segment(
    session_key: bytes,
    session: str,
    participant: str,
    sequence: int,
    content: dict[str, Any],
    nonce: bytes | None = None,
) -> dict[str, str]:
    """`{"nonce", "ciphertext"}` of one segment. A nonce of one's own is for test vectors alone."""
    nonce = nonce or secrets.token_bytes(NONCE_BYTES)
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    plain = text.encode("utf-8", "replace")
    plain += b" " * (-len(plain) % BLOCK_BYTES)
    if len(plain) + TAG_BYTES > LONGEST_CIPHERTEXT:
        raise TooLong
    sealed = AESGCM(session_key).encrypt(nonce, plain, _place(session, participant, sequence))
    return {"nonce": encoded(nonce), "ciphertext": encoded(sealed)}


def decrypt_segment(
    session_key: bytes, session: str, participant: str, sequence: int, nonce: str, ciphertext: str
) -> dict[str, Any]:
    """The content. Raises `Refused` for what was changed, or stands where it was not written."""
    place = _place(session, participant, sequence)
    try:
        plain = AESGCM(session_key).decrypt(decoded(nonce, NONCE_BYTES), decoded(ciphertext), place)
        content = json.loads(plain)
    except (InvalidTag, ValueError, RecursionError) as error:
        raise Refused("This part was changed or does not belong here.") from error
    if not _is_content(content):
        raise Refused("This part is not one that a client writes.")
    return content


def _is_content(content: Any) -> bool:
    """Whoever has the key can encrypt anything; what is shown has this shape."""
    if not isinstance(content, dict) or content.get("v") != VERSION or isinstance(content["v"], bool):
        return False
    seen = content.get("seen")
    if not isinstance(seen, dict) or not all(_is_sequence(number, 0) for number in seen.values()):
        return False
    if content.get("type") == "end":
        return True
    speaker = content.get("speaker")
    return (
        content.get("type") == "text"
        and isinstance(speaker, dict)
        and all(_is_text(value) for value in (content.get("text"), content.get("at")))
        and all(_is_text(speaker.get(name)) for name in ("name", "role"))
    )


def _is_text(value: Any) -> bool:
    """Whole characters: half of a pair can be written down in JSON, and printed nowhere."""
    return isinstance(value, str) and value.encode("utf-8", "replace").decode() == value


def _is_sequence(number: Any, least: int = 1) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and least <= number <= LAST_SEQUENCE


def _place(session: str, participant: str, sequence: int) -> bytes:
    """What is authenticated beside the content: where it belongs."""
    if not _is_sequence(sequence):
        raise Refused("That is no sequence number.")
    return b"medimic/segment/v1\0" + _uuid(session) + _uuid(participant) + sequence.to_bytes(8)


def _envelope_key(session: str, private_key: Key, *, other: Key, sender: Key, recipient: Key) -> bytes:
    own = ec.derive_private_key(int.from_bytes(decoded(private_key["d"], KEY_BYTES)), ec.SECP256R1())
    info = b"medimic/envelope/v1\0" + _thumbprint(sender) + _thumbprint(recipient)
    shared = own.exchange(ec.ECDH(), _public(other))
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=_uuid(session), info=info).derive(shared)


def _digest(label: str, *parts: bytes) -> bytes:
    return hashlib.sha256(label.encode() + b"\0" + b"".join(parts)).digest()


def _uuid(text: str) -> bytes:
    try:
        value = uuid.UUID(text)
    except (ValueError, AttributeError, TypeError) as error:
        raise Refused("That is no id.") from error
    if str(value) != text.lower():
        raise Refused("That is no id.")
    return value.bytes


def _point(key: Key) -> bytes:
    """Uncompressed, 65 bytes."""
    if not isinstance(key, dict) or key.get("kty") != "EC" or key.get("crv") != "P-256":
        raise Refused("That is no P-256 key.")
    point = b"\4" + decoded(key.get("x"), KEY_BYTES) + decoded(key.get("y"), KEY_BYTES)
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except ValueError as error:
        raise Refused("That is no point of the curve.") from error
    return point


def _public(key: Key) -> ec.EllipticCurvePublicKey:
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), _point(key))


def _thumbprint(key: Key) -> bytes:
    _point(key)
    text = f'{{"crv":"P-256","kty":"EC","x":"{key["x"]}","y":"{key["y"]}"}}'
    return hashlib.sha256(text.encode()).digest()
