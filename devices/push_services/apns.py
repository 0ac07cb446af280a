"""Apple's service: HTTP/2, with a token signed by the team's key in place of a certificate."""

import json
import re
from typing import Any

from django.conf import settings
from joserfc import jwt
from joserfc.jwk import ECKey

from devices.push_services import calls, kept
from devices.push_services.alerts import PushAlert, Unregistered
from medimic.outbox.registry import Refused, Retry

NAME = "APNs"
# Apple refuses a token older than an hour, and one that is made anew within twenty minutes.
TOKEN_SECONDS = 40 * 60
EXPIRED = "ExpiredProviderToken"
# The answer is about this device's token, or about the app that is behind our topic.
DEAD = frozenset({"BadDeviceToken", "Unregistered", "ExpiredToken"})
ANOTHER_APP = "DeviceTokenNotForTopic"
# It is about us: every alert would have the same answer.
SET_UP = frozenset({"BadTopic", "MissingTopic", "TopicDisallowed", "BadCertificateEnvironment"})
REASON = re.compile(r"[A-Za-z]{1,50}")

tokens = kept.Kept()


def is_configured() -> bool:
    return all((settings.APNS_KEY, settings.APNS_KEY_ID, settings.APNS_TEAM_ID, settings.APNS_TOPIC))


def service_name(token: str) -> str:
    return "apns"


def is_well_formed(token: str) -> bool:
    """Apple tells hexadecimal digits, and promises no length."""
    return re.fullmatch(r"[0-9A-Fa-f]{1,200}", token) is not None


def send(token: str, alert: PushAlert) -> None:
    if not is_well_formed(token):
        raise Unregistered("it is no token of APNs")
    provider, answer = _post(token, alert)
    reason = _reason(answer)
    if answer.status == 403 and reason == EXPIRED:
        # Our clock and Apple's differ: once more, with one of this moment.
        tokens.drop(_key(), provider)
        _, answer = _post(token, alert)
        reason = _reason(answer)
    if answer.status != 200:
        _refuse(answer, reason)


def _post(token: str, alert: PushAlert) -> tuple[str, calls.Answer]:
    provider = tokens.get(_key(), _sign)
    headers = {
        "authorization": f"bearer {provider}",
        "apns-id": str(alert.id),
        "apns-topic": settings.APNS_TOPIC,
        "apns-push-type": "alert",
        "apns-priority": "10",
        "apns-expiration": str(int(alert.expires_at.timestamp())),
        "apns-collapse-id": alert.collapse_id,
        "content-type": "application/json",
    }
    body = json.dumps(payload(alert), ensure_ascii=False).encode()
    return provider, calls.post("apns", NAME, f"{settings.APNS_API_BASE}/3/device/{token}", headers, body)


def payload(alert: PushAlert) -> dict[str, Any]:
    """What the app gets: `kind` and `session_id` tell it what to open."""
    shown = {"alert": {"title": alert.title, "body": alert.body}, "sound": "default"}
    found: dict[str, Any] = {"aps": shown, "kind": alert.kind}
    return found | ({"session_id": str(alert.session_id)} if alert.session_id else {})


def _refuse(answer: calls.Answer, reason: str) -> None:
    told = f"{NAME} answered {answer.status} {reason}".rstrip()
    if answer.status == 410 or reason in DEAD:
        raise Unregistered(told)
    if reason == "TooManyProviderTokenUpdates":
        raise calls.not_set_up(told)
    calls.refuse_if_busy(answer, NAME)
    if reason == ANOTHER_APP:
        # The phone's fault or that of APNS_TOPIC. To forget every token over the latter would be worse.
        raise Retry(told)
    if answer.status == 403 or reason in SET_UP:
        raise calls.not_set_up(told)
    raise Refused(told)


def _reason(answer: calls.Answer) -> str:
    """Apple's word for it, if it is one: it goes to the log and to staff."""
    found = answer.json().get("reason") if answer.status != 200 else None
    return found if isinstance(found, str) and REASON.fullmatch(found) else ""


def _key() -> tuple[str, str, str]:
    return settings.APNS_TEAM_ID, settings.APNS_KEY_ID, settings.APNS_KEY


def _sign() -> tuple[str, float]:
    made_at = kept.now()
    try:
        key = ECKey.import_key(settings.APNS_KEY)
    except ValueError:
        raise calls.not_set_up(f"{NAME} cannot be asked: APNS_KEY is no key") from None
    claims = {"iss": settings.APNS_TEAM_ID, "iat": int(made_at)}
    header = {"alg": "ES256", "kid": settings.APNS_KEY_ID}
    return jwt.encode(header, claims, key, algorithms=["ES256"]), made_at + TOKEN_SECONDS
