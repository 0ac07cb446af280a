"""The settings of a test run: the portal's own, with secrets that protect nothing."""

import base64
import os

os.environ.update(
    {
        "ENV_FILE": os.devnull,
        "PORTAL_URL": "http://localhost:8000",
        "SECRET_KEY": "tests-only-" + "s" * 50,
        "CRYPTO_KEY": base64.b64encode(b"tests-only-deep-link-key-32bytes").decode(),
        "FIELD_KEYS": base64.b64encode(b"tests-only-field-key---32-bytes!").decode(),
        "LOOKUP_KEY": base64.b64encode(b"tests-only-lookup-key--32-bytes!").decode(),
        "AUDIT_KEYS": base64.b64encode(b"tests-only-audit-key---32-bytes!").decode(),
        "AUDIT_SIGNING_KEY": base64.b64encode(b"tests-only-signing-key--32-bytes").decode(),
        "EMAIL_URL": "memorymail://",
        "SMS_URL": "memory://",
    }
)
os.environ.setdefault("LOG_LEVEL", "ERROR")

from medimic.settings import *  # noqa: F403
from medimic.settings import DATABASES, STORAGES, VAR_DIR

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
WHITENOISE_AUTOREFRESH = True

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, since threads and processes must meet in it; memory is private to a connection.
    DATABASES["default"]["TEST"] = {"NAME": os.environ.get("TEST_DATABASE", str(VAR_DIR / "test.sqlite3"))}
