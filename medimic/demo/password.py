"""The one password of all demonstration accounts."""

import os
import secrets

from django.conf import settings

# Without signs that are mistaken for one another.
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
GROUPS, GROUP = 4, 4


def agreed() -> str:
    """`DEMO_PASSWORD`; without it a random one, remembered in a file that only its owner reads."""
    if settings.DEMO_PASSWORD:
        return settings.DEMO_PASSWORD
    path = settings.VAR_DIR / "demo-password"
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"{_new()}\n")
    return path.read_text().strip()


def _new() -> str:
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(GROUP)) for _ in range(GROUPS))
