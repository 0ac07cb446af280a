"""Reading an event that says that it comes from Stripe.

What is believed of it, once its signature is right, is that something has happened to an object:
its id, and whose it is. What has happened is asked of Stripe itself.
"""

import json
import time
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from billing.checks import is_live
from billing.gateways.stripe_client import API_VERSION

# Seconds. Stripe signs each delivery anew, so that a late one is not an old one.
OLDEST = 300
# Clocks differ by less; the SDK itself takes any date to come.
AHEAD = 30


class NotStripes(Exception):
    """Not from Stripe, or not meant for this installation; the text is for the log and quotes nothing."""


@dataclass(frozen=True)
class Hint:
    """Something happened to an object. `customer_id` is empty where the object is nobody's."""

    event_id: str
    kind: str
    object_id: str
    customer_id: str


def read(body: bytes, signature: str) -> Hint:
    """Raises `NotStripes`."""
    _verify(body, signature)
    event = _parsed(body)
    if event.get("livemode") is not is_live():
        raise NotStripes("an event of the other mode, live or test")
    if event.get("api_version") != API_VERSION:
        raise NotStripes(f"an event of another API version than {API_VERSION}")
    data = event.get("data")
    about = data.get("object") if isinstance(data, dict) else None
    if not isinstance(about, dict):
        raise NotStripes("an event about nothing")
    hint = Hint(_text(event, "id", 255), _text(event, "type", 100), _text(about, "id", 255), _customer(about))
    if event.get("object") != "event" or not hint.event_id or not hint.kind:
        raise NotStripes("no event")
    return hint


def _verify(body: bytes, signature: str) -> None:
    from stripe import SignatureVerificationError, WebhookSignature

    try:
        WebhookSignature.verify_header(body, signature, settings.STRIPE_WEBHOOK_SECRET, OLDEST)
    except (SignatureVerificationError, ValueError) as error:
        raise NotStripes("a signature that is missing, wrong or old") from error
    # The instant that was signed: the SDK took the first one, and found it right.
    stamps = [part[2:] for part in signature.split(",") if part.startswith("t=")]
    if len(stamps) != 1 or not (stamps[0].isascii() and stamps[0].isdigit()):
        raise NotStripes("a signature of no clear time")
    if int(stamps[0]) > time.time() + AHEAD:
        raise NotStripes("a signature of the future")


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        event = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NotStripes("no JSON") from error
    if not isinstance(event, dict):
        raise NotStripes("no object")
    return event


def _customer(about: dict[str, Any]) -> str:
    return _text(about, "id", 255) if about.get("object") == "customer" else _text(about, "customer", 255)


def _text(of: dict[str, Any], name: str, longest: int) -> str:
    value = of.get(name)
    return value if isinstance(value, str) and len(value) <= longest else ""
