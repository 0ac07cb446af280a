"""Reading the environment: what settings.py needs beyond django-environ.

Every mistake ends in an `ImproperlyConfigured` whose text is one sentence that
names the variable; it never quotes the value, which may be a secret.
"""

import base64
import binascii
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

KEY_BYTES = 32
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")

# gunicorn stops its master, in place of starting workers for ever, on this status.
GUNICORN_APP_LOAD_ERROR = 4


def text(env: environ.Env, name: str, *, shortest: int = 1) -> str:
    """A secret given as text, of at least `shortest` characters."""
    value = str(env.str(name, default="")).strip()
    if not value:
        raise ImproperlyConfigured(f"{name} is not set.")
    if len(value) < shortest:
        raise ImproperlyConfigured(f"{name} must have at least {shortest} characters.")
    return value


def keys(env: environ.Env, name: str) -> list[bytes]:
    """A comma-separated list of 32-byte keys in base64, either alphabet."""
    values = [value.strip() for value in env.list(name, default=[]) if value.strip()]
    if not values:
        raise ImproperlyConfigured(f"{name} is not set.")
    return [_key(name, value) for value in values]


def key(env: environ.Env, name: str) -> bytes:
    """One 32-byte key in base64."""
    found = keys(env, name)
    if len(found) > 1:
        raise ImproperlyConfigured(f"{name} must be a single key, not a list.")
    return found[0]


def _key(name: str, value: str) -> bytes:
    try:
        decoded = base64.b64decode(value.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        raise ImproperlyConfigured(f"{name} must be {KEY_BYTES} bytes in base64.") from None
    if len(decoded) != KEY_BYTES:
        raise ImproperlyConfigured(f"{name} must be {KEY_BYTES} bytes in base64, but holds {len(decoded)}.")
    return decoded


def portal_url(env: environ.Env, name: str, default: str) -> tuple[str, str, bool]:
    """The portal's own address: `(origin, host, is_production)`.

    Over https it is production; plain http is for loopback alone.
    """
    parts = urlsplit(str(env.str(name, default=default)).rstrip("/"))
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path or parts.query:
        raise ImproperlyConfigured(f"{name} must be an origin such as https://portal.example.")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK_HOSTS:
        raise ImproperlyConfigured(f"{name} must be https; plain http is for loopback alone.")
    return f"{parts.scheme}://{parts.netloc}", parts.hostname, parts.scheme == "https"


@contextmanager
def one_sentence_on_bad_configuration() -> Iterator[None]:
    """Stop with the sentence alone, without a traceback around it."""
    try:
        yield
    except ImproperlyConfigured as error:
        sys.stderr.write(f"Configuration: {error}\n")
        sys.exit(GUNICORN_APP_LOAD_ERROR)
