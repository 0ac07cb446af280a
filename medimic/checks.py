"""What `manage.py check` finds out about a set of settings that load, and are still wrong."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

PER_PROCESS = ("locmem.LocMemCache", "dummy.DummyCache")
KEYED = ("CRYPTO_KEY", "FIELD_KEYS", "LOOKUP_KEY", "AUDIT_KEYS")


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
def keys_differ(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """CRYPTO_KEY is in every phone: whoever has it must not hold another key with it."""
    holder: dict[bytes, str] = {}
    found: list[CheckMessage] = []
    for name in KEYED:
        value = getattr(settings, name)
        for key in [value] if isinstance(value, bytes) else value:
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
