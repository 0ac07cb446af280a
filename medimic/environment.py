"""Reading the environment: what settings.py needs beyond django-environ.

Every mistake ends in an `ImproperlyConfigured` whose text is one sentence that
names the variable; it never quotes the value, which may be a secret.
"""

import base64
import binascii
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

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


def words(env: environ.Env, name: str) -> list[str]:
    """A comma-separated list, with or without spaces after the commas; empty without it."""
    return [word.strip() for word in env.list(name, default=[]) if word.strip()]


def keys(env: environ.Env, name: str) -> list[bytes]:
    """A comma-separated list of 32-byte keys in base64, either alphabet."""
    values = words(env, name)
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


def number(env: environ.Env, name: str, default: int) -> int:
    """A whole number, zero or more."""
    value = str(env.str(name, default=str(default))).strip()
    if not (value.isascii() and value.isdigit()):
        raise ImproperlyConfigured(f"{name} must be a whole number.")
    return int(value)


def choice(env: environ.Env, name: str, allowed: tuple[str, ...]) -> str:
    """One of a few words; the first is the default."""
    value = str(env.str(name, default=allowed[0]))
    if value not in allowed:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(allowed)}.")
    return value


def contact(env: environ.Env, name: str, default: str) -> str:
    """An address that people write to or read: mailto: or https:, on one line; empty without it."""
    value = str(env.str(name, default=default)).strip()
    if value and not (value.isprintable() and value.startswith(("mailto:", "https://")) and " " not in value):
        raise ImproperlyConfigured(f"{name} must begin with mailto: or https://.")
    return value


def document(env: environ.Env, name: str) -> str:
    """A text of several lines: itself, where it begins as a PEM block or a JSON object, or the path of its
    file. Empty without it."""
    value = str(env.str(name, default="")).strip()
    if not value or value.startswith("{"):
        return value
    if value.startswith("-----BEGIN"):
        # A line of `.env` holds no line breaks.
        return value.replace("\\n", "\n")
    try:
        return Path(value).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        raise ImproperlyConfigured(f"{name} names a file that cannot be read.") from None


def service(parse: Callable[..., dict[str, Any]], name: str, default: str) -> dict[str, Any]:
    """The settings that an address such as postgres://… stands for; `parse` is one of django-environ's."""
    try:
        with warnings.catch_warnings(action="error"):
            found = parse(name, default=default)
    # The parsers stumble in many ways, and quote the value, which may hold a password.
    except Exception:
        found = {}
    if not found:
        raise ImproperlyConfigured(f"{name} is not an address that the portal understands.")
    return found


def sms(env: environ.Env, name: str, default: str) -> tuple[str, dict[str, str]]:
    """The backend of text messages that an address stands for, and its options; none for an empty one."""
    value = str(env.str(name, default=default)).strip()
    try:
        parts = urlsplit(value)
        found = _sms_backend(parts, dict(parse_qsl(parts.query, strict_parsing=bool(parts.query))))
    except ValueError:
        found = None
    if found is None:
        raise ImproperlyConfigured(f"{name} is not an address that the portal understands.")
    backend, options = found
    return (f"medimic.sms.backends.{backend}.Backend" if backend else ""), options


def _sms_backend(parts: SplitResult, query: dict[str, str]) -> tuple[str, dict[str, str]] | None:
    is_bare = not (parts.netloc or query or parts.fragment)
    if not parts.scheme:
        return ("", {}) if is_bare and not parts.path else None
    if parts.scheme in ("console", "memory"):
        return (parts.scheme, {}) if is_bare and not parts.path else None
    if parts.scheme == "file":
        return ("file", {"directory": unquote(parts.path)}) if is_bare and parts.path else None
    if parts.scheme not in ("http", "https") or not parts.hostname or not parts.password or parts.fragment:
        return None
    if query.keys() - {"from"} or not (
        unquote(parts.password).isascii() and unquote(parts.password).isprintable()
    ):
        return None
    if parts.scheme == "http" and parts.hostname not in LOOPBACK_HOSTS:
        # The token and the texts would be there for anybody on the way to read.
        return None
    return "gateway", {
        "url": f"{parts.scheme}://{_host_and_port(parts)}{parts.path or '/'}",
        "token": unquote(parts.password),
        "account": unquote(parts.username or ""),
        "sender": query.get("from", ""),
    }


def debug(env: environ.Env, name: str, *, production: bool) -> bool:
    """Whether Django's error pages show source code, which production never does."""
    wanted = bool(env.bool(name, default=False))
    if wanted and production:
        raise ImproperlyConfigured(f"{name} must be off in production.")
    return wanted


def origin(env: environ.Env, name: str, default: str) -> str:
    """The origin of a service that is called with a secret: https, or http on loopback."""
    value = str(env.str(name, default=default)).strip().rstrip("/")
    try:
        parts = urlsplit(value)
        is_origin = parts.scheme in ("http", "https") and value == f"{parts.scheme}://{_host_and_port(parts)}"
    except ValueError:
        is_origin = False
    if not is_origin or (parts.scheme == "http" and parts.hostname not in LOOPBACK_HOSTS):
        raise ImproperlyConfigured(f"{name} must be an https origin such as https://api.service.example.")
    return value


def portal_url(env: environ.Env, name: str, default: str) -> tuple[str, str, bool]:
    """The portal's own address: `(origin, host, is_production)`.

    Over https it is production; plain http is for loopback alone.
    """
    try:
        parts = urlsplit(str(env.str(name, default=default)).rstrip("/"))
        is_origin = parts.scheme in ("http", "https") and parts.netloc == _host_and_port(parts)
    except ValueError:
        is_origin = False
    if not is_origin or parts.path or parts.query or parts.fragment or not parts.hostname:
        raise ImproperlyConfigured(f"{name} must be an origin such as https://portal.example.")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK_HOSTS:
        raise ImproperlyConfigured(f"{name} must be https; plain http is for loopback alone.")
    return f"{parts.scheme}://{parts.netloc}", parts.hostname, parts.scheme == "https"


def _host_and_port(parts: SplitResult) -> str:
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{host}:{parts.port}" if parts.port is not None else f"{host}"


@contextmanager
def one_sentence_on_bad_configuration() -> Iterator[None]:
    """Stop with the sentence alone, without a traceback around it."""
    try:
        yield
    except ImproperlyConfigured as error:
        sys.stderr.write(f"Configuration: {error}\n")
        sys.exit(GUNICORN_APP_LOAD_ERROR)
