"""The environment of a production installation, with secrets made for the occasion.

python -m tests.production python manage.py check --deploy
"""

import os
import subprocess
import sys

from medimic.keys import SECRETS

PORTAL_URL = "https://portal.medimic.example"

# What a process needs of its surroundings; nothing of the portal's comes through.
SURROUNDINGS = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV")


def environment(**changes: str | None) -> dict[str, str]:
    """A whole production environment; `NAME=None` leaves one variable out."""
    variables: dict[str, str | None] = {
        **{name: os.environ.get(name) for name in SURROUNDINGS},
        "ENV_FILE": os.devnull,
        "DJANGO_SETTINGS_MODULE": "medimic.settings",
        "PORTAL_URL": PORTAL_URL,
        "TRUSTED_PROXY_COUNT": "1",
        "EMAIL_URL": "smtp+tls://portal:secret@mail.medimic.example:587",
        "BILLING_ACCOUNT": "IBAN: GB33 BUKB 2020 1555 5555 55",
        **{name: make() for name, make in SECRETS.items()},
        **changes,
    }
    return {name: value for name, value in variables.items() if value is not None}


if __name__ == "__main__":
    sys.exit(subprocess.run(sys.argv[1:], env=environment()).returncode)
