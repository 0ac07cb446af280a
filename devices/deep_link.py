"""The deep link that signs a phone in: `medipal://authenticate?payload=<compact JWE>`.

Direct encryption with a shared 32-byte key (`alg: dir`, `enc: A256GCM`); `kid` is
the key's RFC 7638 thumbprint, so that a client can say which key it lacks. Keys
come from the caller, and no setting is read here: a client uses this file as it is.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

SCHEME = "medipal"
ACTION = "authenticate"
ALGORITHMS = ["dir", "A256GCM"]
LONGEST = 8192


class DeepLinkError(ValueError):
    """A link that cannot be opened."""


class Garbage(DeepLinkError):
    """It is no deep link, or not a whole one."""


class UnknownKey(DeepLinkError):
    """It was made with a key that is not among the given ones; `kid` names it."""

    def __init__(self, kid: str) -> None:
        super().__init__(f"The link was made with the key {kid}, which is not here.")
        self.kid = kid


class Tampered(DeepLinkError):
    """The key fits and the content does not: it was changed on its way."""


def key_id(key: bytes) -> str:
    """The RFC 7638 thumbprint of a key: names it without telling it."""
    return OctKey.import_key(key).thumbprint()


def seal(content: Mapping[str, Any], keys: Sequence[bytes]) -> str:
    """The link that carries this content, encrypted with the first key."""
    key = OctKey.import_key(keys[0])
    header = {"alg": "dir", "enc": "A256GCM", "kid": key.thumbprint()}
    plain = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
    return f"{SCHEME}://{ACTION}?payload={jwe.encrypt_compact(header, plain, key, algorithms=ALGORITHMS)}"


def open_link(link: str, keys: Sequence[bytes]) -> dict[str, Any]:
    """The content of a link, opened with whichever key it names.

    Raises `Garbage`, `UnknownKey` or `Tampered`.
    """
    payload = _payload(link)
    kid = _key_named_by(payload)
    ring = {key_id(key): key for key in keys}
    if kid not in ring:
        raise UnknownKey(kid)
    try:
        opened = jwe.decrypt_compact(payload, OctKey.import_key(ring[kid]), algorithms=ALGORITHMS)
        content = json.loads(opened.plaintext or b"")
    except (JoseError, ValueError) as error:
        raise Tampered("The link was changed or cut on its way.") from error
    if not isinstance(content, dict):
        raise Garbage("The link holds something else than it should.")
    return content


def _payload(link: str) -> str:
    if len(link) > LONGEST:
        raise Garbage("This is too long for a deep link.")
    try:
        parts = urlsplit(link.strip())
        payloads = parse_qs(parts.query).get("payload", [])
    except ValueError as error:
        raise Garbage("This is not a link.") from error
    if parts.scheme != SCHEME or parts.netloc != ACTION or len(payloads) != 1:
        raise Garbage(f"This is not a {SCHEME}://{ACTION} link.")
    return payloads[0]


def _key_named_by(payload: str) -> str:
    """The `kid` of a payload that has the one form that we make."""
    parts = payload.split(".")
    try:
        header = json.loads(base64.urlsafe_b64decode(parts[0] + "=" * (-len(parts[0]) % 4)))
    except ValueError as error:
        raise Garbage("The link's payload is not a whole JWE.") from error
    if len(parts) != 5 or not isinstance(header, dict) or not isinstance(header.get("kid"), str):
        raise Garbage("The link's payload is not a whole JWE.")
    # A closed list: what nobody made (compression, another algorithm) nobody has to survive.
    if header != {"alg": "dir", "enc": "A256GCM", "kid": header["kid"]}:
        raise Garbage("The link is encrypted in another way than ours.")
    return str(header["kid"])
