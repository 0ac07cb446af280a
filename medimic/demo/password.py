"""The one password of all demonstration accounts."""

import os
import secrets

from django.conf import settings

# Without signs that are mistaken for one another.
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
GROUPS, GROUP = 4, 4


def agreed() -> tuple[str, str | None]:
    """The password from now on, and the one before if that was another.

    `DEMO_PASSWORD` sets it; otherwise it is made once. It is remembered in a file
    that only its owner reads, so that it can be told again.
    """
    path = settings.VAR_DIR / "demo-password"
    before = path.read_text().strip() if path.exists() else None
    password = settings.DEMO_PASSWORD or before or _new()
    if password != before:
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"{password}\n")
        return password, before
    return password, None


def _new() -> str:
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(GROUP)) for _ in range(GROUPS))
