"""A database host that takes a connection and then says nothing."""

import json
import socket
import subprocess
import sys

import pytest
from django.conf import settings

from tests import production

pytestmark = pytest.mark.once

ASK = """
import json, time, django
django.setup()
from django.test import Client
start = time.monotonic()
answer = Client(raise_request_exception=False).get(
    "/readyz", secure=True, headers={"host": "portal.medimic.example"}
)
found = {name: check["status"] for name, check in answer.json()["checks"].items()}
print(json.dumps([answer.status_code, found, time.monotonic() - start]))
"""


def ask(url: str) -> list:
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        cwd=settings.BASE_DIR,
        env=production.environment(DATABASE_URL=url, LOG_LEVEL="ERROR"),
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_readiness_is_told_within_seconds():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        status, found, took = ask(f"postgres://portal:secret@127.0.0.1:{port}/portal")
    assert (status, set(found.values())) == (503, {"failed"})
    assert took < 5


def test_the_address_may_say_how_long_to_wait():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        url = f"postgres://portal:secret@127.0.0.1:{port}/portal?connect_timeout=2"
        status, _found, took = ask(url)
    assert status == 503
    assert took < 4
