"""A dump, an empty database, and the log verifies there."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import psycopg
import pytest
from django.conf import settings

from tests.postgres import binaries

pytestmark = pytest.mark.once

WRITE = """
import uuid
from django.db import transaction
from medimic.audit import sealer
from medimic.audit.log import SYSTEM, record
person = uuid.uuid4()
for batch in range(3):
    with transaction.atomic():
        for _ in range(4):
            record("tests.done", origin=SYSTEM, person_id=person)
    sealer.seal()
"""
COUNT = """
from medimic.audit.models import AuditEvent, Checkpoint, Head
import json
print(json.dumps([model.objects.count() for model in (AuditEvent, Checkpoint, Head)]))
"""
DELETE = """
from django.db import IntegrityError, connection
try:
    connection.cursor().execute("DELETE FROM audit_event")
except IntegrityError as refusal:
    print("refused" if "append-only" in str(refusal) else refusal)
"""


def manage(url: str, journal: Path, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=settings.BASE_DIR,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "DATABASE_URL": url,
            "AUDIT_JOURNAL": str(journal),
        },
        capture_output=True,
        text=True,
        timeout=300,
    )


def shell(url: str, journal: Path, code: str) -> str:
    done = manage(url, journal, "shell", "--no-imports", "-c", code)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def check(old: str, new: str, restore, tmp_path: Path) -> None:
    journal, copy = tmp_path / "journal", tmp_path / "elsewhere" / "journal"
    done = manage(old, journal, "migrate", "audit", "-v0")
    assert done.returncode == 0, done.stderr
    shell(old, journal, WRITE)
    copy.parent.mkdir()
    shutil.copyfile(journal, copy)
    restore()
    verified = manage(new, copy, "audit", "verify")
    assert verified.returncode == 0, verified.stderr
    assert "12 sealed rows verify" in verified.stdout
    assert json.loads(shell(new, copy, COUNT)) == json.loads(shell(old, journal, COUNT)) == [12, 3, 1]
    # It is guarded as the old one was, and goes on.
    assert shell(new, copy, DELETE) == "refused"
    shell(new, copy, WRITE)
    assert "24 sealed rows verify" in manage(new, copy, "audit", "verify").stdout


def test_sqlite(tmp_path):
    old, new = tmp_path / "old.sqlite3", tmp_path / "new.sqlite3"

    def restore() -> None:
        with sqlite3.connect(old) as source, sqlite3.connect(new) as target:
            target.executescript("\n".join(source.iterdump()))

    check(f"sqlite:///{old}", f"sqlite:///{new}", restore, tmp_path)


@pytest.mark.skipif(binaries() is None, reason="PostgreSQL's binaries are not on this machine")
def test_postgresql(tmp_path):
    from tests.postgres import cluster

    with cluster() as url:
        host, name = unquote(url.partition("@/")[2]).rsplit("/", 1)
        with psycopg.connect(host=host, dbname=name, user="portal", autocommit=True) as server:
            server.execute("CREATE DATABASE restored")
        new = url.rsplit("%2F", 1)[0] + "%2Frestored"

        def restore() -> None:
            tool = binaries()
            dump = subprocess.run(
                [tool / "pg_dump", "-h", host, "-U", "portal", name], capture_output=True, check=True
            )
            subprocess.run(
                [tool / "psql", "-q", "-v", "ON_ERROR_STOP=1", "-h", host, "-U", "portal", "restored"],
                input=dump.stdout,
                check=True,
                stdout=subprocess.DEVNULL,
            )

        check(url, new, restore, tmp_path)
