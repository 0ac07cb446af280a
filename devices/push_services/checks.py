"""What `manage.py check` finds out about the settings of pushes. It quotes none of them."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from joserfc.jwk import RSAKey

from devices.push_services import fcm, webpush
from medimic.environment import LOOPBACK_HOSTS

# A service is set up whole, or not at all.
TOGETHER = {
    "APNs": ("APNS_KEY", "APNS_KEY_ID", "APNS_TEAM_ID", "APNS_TOPIC"),
    "Web Push": ("VAPID_PRIVATE_KEY", "VAPID_SUBJECT"),
}
HINT = "See docs/notifications.md, Keys."


@register(Tags.security)
def push_is_whole(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """By half nothing would go out, and everybody would think that it does."""
    found: list[CheckMessage] = []
    for service, names in TOGETHER.items():
        missing = [name for name in names if not getattr(settings, name)]
        if missing and len(missing) < len(names):
            told = f"{service} is configured by half: {', '.join(missing)} is missing."
            hint = f"Set {', '.join(names)}, or none of them."
            found.append(Error(told, hint=hint, id="devices.E001"))
    return found


@register(Tags.security)
def push_keys_are_keys(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    return [*_errors()]


@register(Tags.security, deploy=True)
def push_reaches_real_devices(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Apple's other service knows the tokens of apps under development alone, and calls all others dead."""
    if not settings.PRODUCTION or not settings.APNS_KEY or ".sandbox." not in settings.APNS_API_BASE:
        return []
    told = "APNs is asked in its sandbox: phones of this installation leave push routing one by one."
    return [Warning(told, hint="Leave APNS_API_BASE out.", id="devices.W001")]


def _errors() -> Iterator[CheckMessage]:
    tried: tuple[tuple[str, Callable[[str], object], str], ...] = (
        ("APNS_KEY", _apple_key, "a P-256 key as Apple's .p8 files hold one"),
        ("FCM_CREDENTIALS", _service_account, "the JSON of a service account"),
        ("VAPID_PRIVATE_KEY", webpush.private_key, "a P-256 key of 32 bytes in base64url"),
    )
    for number, (name, parse, what) in enumerate(tried, start=2):
        try:
            if getattr(settings, name):
                parse(getattr(settings, name))
        # The parsers stumble in many ways, and some quote what they read.
        except Exception:
            yield Error(f"{name} is not {what}.", hint=HINT, id=f"devices.E00{number}")
    if wrong := [host for host in settings.WEBPUSH_HOSTS if not webpush.LISTED.fullmatch(host)]:
        yield Error(
            f"WEBPUSH_HOSTS has what is no host: {', '.join(wrong)}.",
            hint="Such as push.example, *.push.example, or push.example:8443.",
            id="devices.E005",
        )


def _apple_key(text: str) -> None:
    key = load_pem_private_key(text.encode(), password=None)
    if not (isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1)):
        raise ValueError("another kind of key")


def _service_account(text: str) -> None:
    account = fcm.credentials(text)
    RSAKey.import_key(account["private_key"])
    address = urlsplit(account["token_uri"])
    if address.scheme != "https" and address.hostname not in LOOPBACK_HOSTS:
        raise ValueError("a token endpoint without TLS")
