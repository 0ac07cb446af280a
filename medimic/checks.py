"""What `manage.py check` finds out about a set of settings that load, and are still wrong."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from medimic.environment import KEY_BYTES

PER_PROCESS = ("locmem.LocMemCache", "dummy.DummyCache")
KEYED = ("CRYPTO_KEY", "FIELD_KEYS", "LOOKUP_KEY", "AUDIT_KEYS", "AUDIT_SIGNING_KEY")
# What the settings refuse to start with; settings made in another way come by here.
SHORTEST_SECRET_KEY = 50


@register(Tags.caches)
def cache_is_shared(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Limits and replay protection count in the cache: each process by itself counts too little."""
    if settings.CACHES["default"]["BACKEND"].endswith(PER_PROCESS):
        return [
            Error(
                "The default cache is not shared by all workers, so limits and replay protection fail.",
                hint="Set CACHE_URL to Redis, or leave it out to use a table of the database.",
                id="medimic.E001",
            )
        ]
    return []


@register(Tags.security)
def keys_are_whole(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """A key that is missing or too short protects nothing."""
    found: list[CheckMessage] = []
    for name in KEYED:
        keys = _keys(name)
        if not any(keys):
            found.append(Error(f"{name} is missing.", hint="See docs/key-rotation.md.", id="medimic.E003"))
        for place, key in enumerate(keys, start=1):
            if key and len(key) != KEY_BYTES:
                found.append(
                    Error(
                        f"Key {place} of {name} has {len(key)} bytes; it must have {KEY_BYTES}.",
                        hint="Make one with: openssl rand -base64 32",
                        id="medimic.E004",
                    )
                )
    if len(settings.SECRET_KEY) < SHORTEST_SECRET_KEY:
        found.append(Error(f"SECRET_KEY has fewer than {SHORTEST_SECRET_KEY} characters.", id="medimic.E004"))
    return found


@register(Tags.security)
def keys_differ(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """CRYPTO_KEY is in every phone: whoever has it must not hold another key with it."""
    holder: dict[bytes, str] = {}
    found: list[CheckMessage] = []
    for name in KEYED:
        for key in filter(None, _keys(name)):
            if key in holder:
                where = f"{holder[key]} and {name}" if holder[key] != name else f"{name} twice"
                found.append(
                    Error(
                        f"The same key stands in {where}.",
                        hint="Make each key on its own.",
                        id="medimic.E002",
                    )
                )
            holder.setdefault(key, name)
    return found


@register(Tags.security, deploy=True)
def mail_goes_out(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Without a server mails are written to files: fine on a laptop."""
    if settings.PRODUCTION and not settings.EMAIL_BACKEND.endswith("smtp.EmailBackend"):
        return [
            Warning("Mails do not leave this machine.", hint="Set EMAIL_URL.", id="medimic.W001"),
        ]
    return []


def _keys(name: str) -> list[bytes]:
    value = getattr(settings, name, None) or []
    return [value] if isinstance(value, bytes) else list(value)
