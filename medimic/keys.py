"""`python -m medimic.keys FILE`: write a set of secrets for one installation.

Keeps what the file holds already and adds what is missing, so that it is
harmless when run again.
"""

import base64
import os
import re
import secrets
import sys
from pathlib import Path

from medimic.environment import KEY_BYTES


def _key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode()


SECRETS = {
    "SECRET_KEY": lambda: secrets.token_urlsafe(50),
    "CRYPTO_KEY": _key,
    "FIELD_KEYS": _key,
    "LOOKUP_KEY": _key,
    "AUDIT_KEYS": _key,
    "AUDIT_SIGNING_KEY": _key,
}


def write_missing(path: Path) -> list[str]:
    """Add the secrets that the file lacks; returns their names."""
    present = path.read_text() if path.exists() else ""
    missing = [name for name in SECRETS if not re.search(rf"^{name}=", present, re.MULTILINE)]
    if missing:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "a") as file:
            if present and not present.endswith("\n"):
                file.write("\n")
            file.writelines(f"{name}={SECRETS[name]()}\n" for name in missing)
    return missing


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else ".env")
    for name in write_missing(target):
        sys.stdout.write(f"{name} written to {target}\n")
