"""Browsers' services: RFC 8030, the body encrypted by RFC 8291, the sender known by RFC 8292.

Where to call, the browser says: so only hosts that the configuration lists are called, over TLS alone.
"""

import base64
import binascii
import functools
import json
import re
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings
from django.utils import timezone
from joserfc import jwt
from joserfc.jwk import ECKey

from devices.push_services import calls, encryption, kept
from devices.push_services.alerts import PushAlert, Unregistered
from medimic.outbox.registry import Refused, Retry

# Each is read in one way only, whoever reads it: no user, no fragment, no backslash, no capital in the host.
ENDPOINT = re.compile(r"https://([a-z0-9](?:[a-z0-9.-]{0,250}[a-z0-9])?)(?::([1-9][0-9]{0,4}))?(/[!-~]*)")
LISTED = re.compile(r"(?:\*\.)?[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[1-9][0-9]{0,4})?")
BASE64URL = re.compile(r"[A-Za-z0-9_-]*")
NOWHERE = frozenset('\\#<>"`')
LONGEST_ENDPOINT = 2048
MEMBERS = {"endpoint", "p256dh", "auth"}
KEY_BYTES = 32
# The standard allows a day.
SIGNATURE_SECONDS = 12 * 3600
SIGNED_ANEW_AFTER = 6 * 3600
MICROSOFTS_429 = 406
LONGEST_TTL = 28 * 24 * 3600

signatures = kept.Kept()


@dataclass(frozen=True)
class Subscription:
    """What a browser gave: where its service takes pushes for it, and what they are encrypted with."""

    endpoint: str
    host: str
    port: int | None
    p256dh: bytes
    auth: bytes

    @property
    def origin(self) -> str:
        return f"https://{self.host}" + (f":{self.port}" if self.port else "")


def is_configured() -> bool:
    return bool(settings.VAPID_PRIVATE_KEY and settings.VAPID_SUBJECT)


def public_key() -> str:
    """What browsers subscribe with (`applicationServerKey`), in base64url; "" where no key is set up."""
    if not is_configured():
        return ""
    try:
        return _b64(encryption.public_point(private_key(settings.VAPID_PRIVATE_KEY)))
    except ValueError:
        return ""


def token_of(endpoint: str, p256dh: str, auth: str) -> str:
    """A subscription as the one string that an authorization keeps as its push token."""
    members = {"endpoint": endpoint, "p256dh": p256dh, "auth": auth}
    return json.dumps(members, separators=(",", ":"))


def subscription(token: str) -> Subscription:
    """Raises `ValueError`, in words that quote nothing, for what is none or whose host is not listed."""
    try:
        found = json.loads(token)
    except RecursionError:
        raise ValueError("it is no JSON") from None
    if not (isinstance(found, dict) and found.keys() == MEMBERS):
        raise ValueError("it is no subscription")
    if not all(isinstance(value, str) for value in found.values()):
        raise ValueError("it is no subscription")
    match = ENDPOINT.fullmatch(found["endpoint"])
    if not match or len(found["endpoint"]) > LONGEST_ENDPOINT or NOWHERE & set(found["endpoint"]):
        raise ValueError("it has no endpoint")
    host, port = match[1], int(match[2]) if match[2] else None
    p256dh, auth = _bytes(found["p256dh"]), _bytes(found["auth"])
    if len(auth) != encryption.AUTH_BYTES or len(p256dh) != encryption.POINT_BYTES:
        raise ValueError("its keys have another length")
    ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), p256dh)
    return Subscription(found["endpoint"], host, None if port == 443 else port, p256dh, auth)


def is_listed(found: Subscription) -> bool:
    """Whether its host is one that the configuration lets us call."""
    place = f"{found.host}:{found.port}" if found.port else found.host
    return any(
        place.endswith(listed[1:]) if listed.startswith("*.") else place == listed
        for listed in settings.WEBPUSH_HOSTS
    )


def is_well_formed(token: str) -> bool:
    """Whether routing may keep it: a subscription, with a service that we would call."""
    try:
        return is_listed(subscription(token))
    except ValueError:
        return False


def service_name(token: str) -> str:
    try:
        return f"webpush:{subscription(token).host}"[:100]
    except ValueError:
        return "webpush"


def send(token: str, alert: PushAlert) -> None:
    try:
        to = subscription(token)
    except ValueError:
        raise Unregistered("it is no subscription of a browser") from None
    name = f"the push service {to.host}"
    if not is_listed(to):
        # Once it is listed again, what is kept of the browser is good again.
        raise Refused("the browser's push service is not among WEBPUSH_HOSTS")
    body = encryption.encrypt(
        json.dumps(payload(alert), ensure_ascii=False).encode(), receiver=to.p256dh, auth=to.auth
    )
    seconds = int((alert.expires_at - timezone.now()).total_seconds())
    headers = {
        "authorization": f"vapid t={_signature(to.origin)}, k={public_key()}",
        "content-encoding": "aes128gcm",
        "content-type": "application/octet-stream",
        # Microsoft's refuses a TTL of 0.
        "ttl": str(min(max(seconds, 1), LONGEST_TTL)),
        "urgency": "high",
        "topic": alert.collapse_id,
    }
    _judge(calls.post("webpush", name, to.endpoint, headers, body), name)


def payload(alert: PushAlert) -> dict[str, Any]:
    """What the service worker gets. `tag` is the collapse id; `path` begins with one slash."""
    return {
        "id": str(alert.id),
        "kind": alert.kind,
        "title": alert.title,
        "body": alert.body,
        "tag": alert.collapse_id,
        "path": alert.path,
    }


@functools.lru_cache(maxsize=4)
def private_key(text: str) -> ec.EllipticCurvePrivateKey:
    """VAPID_PRIVATE_KEY: 32 bytes in base64url. Raises `ValueError`."""
    raw = _bytes(text)
    if len(raw) != KEY_BYTES:
        raise ValueError(f"it must be {KEY_BYTES} bytes in base64url")
    return ec.derive_private_key(int.from_bytes(raw, "big"), ec.SECP256R1())


def new_private_key() -> str:
    """One for VAPID_PRIVATE_KEY."""
    number = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    return _b64(number.to_bytes(KEY_BYTES, "big"))


def _judge(answer: calls.Answer, name: str) -> None:
    if 200 <= answer.status < 300:
        return
    told = f"{name} answered {answer.status}"
    if answer.status in (404, 410):
        raise Unregistered(told)
    calls.refuse_if_busy(answer, name)
    if answer.status == MICROSOFTS_429:
        raise Retry(told, after=answer.retry_after or calls.BUSY_WAIT)
    if answer.status in (401, 403):
        # Our signature, or a browser that subscribed with another key of ours: the next one may be taken.
        calls.logger.warning("Push: %s; see docs/notifications.md, Keys.", told)
        raise Retry(told)
    raise Refused(told)


def _signature(origin: str) -> str:
    """One for each service: it says whom it is for."""
    text, subject = settings.VAPID_PRIVATE_KEY, settings.VAPID_SUBJECT

    def sign() -> tuple[str, float]:
        now = kept.now()
        try:
            key = private_key(text)
        except ValueError:
            raise calls.not_set_up(
                "browsers' push services cannot be asked: VAPID_PRIVATE_KEY is no key"
            ) from None
        claims = {"aud": origin, "exp": int(now) + SIGNATURE_SECONDS, "sub": subject}
        signed = jwt.encode({"alg": "ES256"}, claims, _as_jwk(key), algorithms=["ES256"])
        return signed, now + SIGNED_ANEW_AFTER

    return signatures.get((origin, text, subject), sign)


def _as_jwk(key: ec.EllipticCurvePrivateKey) -> ECKey:
    point = encryption.public_point(key)
    secret = key.private_numbers().private_value.to_bytes(KEY_BYTES, "big")
    return ECKey.import_key(
        {"kty": "EC", "crv": "P-256", "x": _b64(point[1:33]), "y": _b64(point[33:]), "d": _b64(secret)}
    )


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    """From base64url, with or without its padding."""
    digits = text.rstrip("=")
    try:
        if not BASE64URL.fullmatch(digits):
            raise ValueError
        return base64.urlsafe_b64decode(digits + "=" * (-len(digits) % 4))
    except (binascii.Error, ValueError):
        raise ValueError("it is no base64url") from None
