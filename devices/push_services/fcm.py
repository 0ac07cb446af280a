"""Google's service, HTTP v1: a service account's signature buys a token, and that sends."""

import functools
import json
from typing import Any
from urllib.parse import quote, urlencode

from django.conf import settings
from django.utils import timezone
from joserfc import jwt
from joserfc.jwk import RSAKey

from devices.push_services import calls, kept
from devices.push_services.alerts import PushAlert, Unregistered
from medimic.outbox.registry import Refused, Retry

NAME = "FCM"
TOKENS_NAME = "Google's token endpoint"
SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ASSERTION_SECONDS = 3600
# A token is given up this long before its end: it must still be good when it arrives.
MARGIN = 120
LONGEST_TTL = 28 * 24 * 3600
NEEDED = ("project_id", "client_email", "private_key", "token_uri")
CODES = frozenset(
    {
        "INVALID_ARGUMENT",
        "UNREGISTERED",
        "SENDER_ID_MISMATCH",
        "QUOTA_EXCEEDED",
        "UNAVAILABLE",
        "INTERNAL",
        "THIRD_PARTY_AUTH_ERROR",
    }
)
FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"

tokens = kept.Kept()


def is_configured() -> bool:
    return bool(settings.FCM_CREDENTIALS)


def service_name(token: str) -> str:
    return "fcm"


def is_well_formed(token: str) -> bool:
    """Google says nothing of how a token looks."""
    return True


def send(token: str, alert: PushAlert) -> None:
    access, answer = _post(token, alert)
    if answer.status == 401:
        # The token was taken back before its time: once more, with a fresh one.
        tokens.drop(settings.FCM_CREDENTIALS, access)
        _, answer = _post(token, alert)
    if answer.status != 200:
        _refuse(answer)


def _post(token: str, alert: PushAlert) -> tuple[str, calls.Answer]:
    access = tokens.get(settings.FCM_CREDENTIALS, _fetch)
    project = quote(credentials(settings.FCM_CREDENTIALS)["project_id"], safe="")
    url = f"{settings.FCM_API_BASE}/v1/projects/{project}/messages:send"
    headers = {"authorization": f"Bearer {access}", "content-type": "application/json; charset=UTF-8"}
    body = json.dumps({"message": {"token": token, **payload(alert)}}, ensure_ascii=False).encode()
    return access, calls.post("fcm", NAME, url, headers, body)


def payload(alert: PushAlert) -> dict[str, Any]:
    """What the app gets beside its token: `data` tells it what to open."""
    seconds = int((alert.expires_at - timezone.now()).total_seconds())
    data = {"delivery_id": str(alert.id), "kind": alert.kind}
    if alert.session_id:
        data["session_id"] = str(alert.session_id)
    return {
        "notification": {"title": alert.title, "body": alert.body},
        "data": data,
        "android": {
            "collapse_key": alert.collapse_id,
            "priority": "high",
            "ttl": f"{min(max(seconds, 0), LONGEST_TTL)}s",
            "notification": {"tag": alert.collapse_id},
        },
    }


@functools.lru_cache(maxsize=4)
def credentials(text: str) -> dict[str, str]:
    """The service account's members; raises `ValueError` where one that is needed is missing."""
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError("it is no JSON object")
    for name in NEEDED:
        if not (isinstance(found.get(name), str) and found[name]):
            raise ValueError(f"it has no {name}")
    return found


def _fetch() -> tuple[str, float]:
    """An access token, and until when it may be used."""
    now = kept.now()
    try:
        account = credentials(settings.FCM_CREDENTIALS)
        assertion = _assertion(account, int(now))
    except ValueError:
        raise calls.not_set_up(f"{NAME} cannot be asked: FCM_CREDENTIALS is no service account") from None
    form = urlencode({"grant_type": GRANT, "assertion": assertion}).encode()
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = calls.post("fcm", TOKENS_NAME, account["token_uri"], headers, form)
    calls.refuse_if_busy(answer, TOKENS_NAME)
    found = answer.json()
    token, seconds = found.get("access_token"), found.get("expires_in")
    if answer.status == 200 and isinstance(token, str) and token and isinstance(seconds, int):
        return token, now + max(seconds - MARGIN, 0)
    raise calls.not_set_up(f"{TOKENS_NAME} answered {answer.status}")


def _assertion(account: dict[str, str], now: int) -> str:
    header = {"alg": "RS256"}
    if account.get("private_key_id"):
        header["kid"] = account["private_key_id"]
    claims = {
        "iss": account["client_email"],
        "scope": SCOPE,
        "aud": account["token_uri"],
        "iat": now,
        "exp": now + ASSERTION_SECONDS,
    }
    return jwt.encode(header, claims, RSAKey.import_key(account["private_key"]), algorithms=["RS256"])


def _refuse(answer: calls.Answer) -> None:
    code, is_about_token = _told(answer)
    told = f"{NAME} answered {answer.status} {code}".rstrip()
    if (answer.status, code) == (404, "UNREGISTERED") or (answer.status == 400 and is_about_token):
        raise Unregistered(told)
    if answer.status == 429:
        raise Retry(told, after=answer.retry_after or calls.BUSY_WAIT)
    calls.refuse_if_busy(answer, NAME)
    if code == "SENDER_ID_MISMATCH":
        # The phone's fault or that of FCM_CREDENTIALS. To forget every token over the latter would be worse.
        raise Retry(told)
    if answer.status in (401, 403, 404):
        raise calls.not_set_up(told)
    raise Refused(told)


def _told(answer: calls.Answer) -> tuple[str, bool]:
    """FCM's own code, and whether the fault is in the device's token."""
    error = answer.json().get("error")
    error = error if isinstance(error, dict) else {}
    details = [one for one in error.get("details") or [] if isinstance(one, dict)]
    codes = [one.get("errorCode") for one in details if one.get("@type") == FCM_ERROR]
    fields = [
        field.get("field") for one in details for field in one.get("fieldViolations") or []
        if isinstance(field, dict)
    ]  # fmt: skip
    code = codes[0] if codes and codes[0] in CODES else ""
    message = str(error.get("message", ""))
    return code, "message.token" in fields or "not a valid FCM registration token" in message
