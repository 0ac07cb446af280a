"""A PostgreSQL server of our own for one test run, thrown away afterwards.

It is made from the machine's PostgreSQL binaries, listens on a Unix socket in a
directory that is its own, and never syncs to disk.

    with cluster() as url:                        # a DATABASE_URL
    python -m tests.postgres pytest tests/audit   # runs a command with DATABASE_URL set
"""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

ROLE = "portal"
DATABASE = "portal"
START_SECONDS = 30

# Data that lives for minutes need not survive a power cut.
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


def binaries() -> Path | None:
    """The directory of `initdb` and `postgres`; the newest version, or None without any."""
    versions = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]), reverse=True
    )
    on_path = shutil.which("initdb")
    for initdb in [*versions, *([Path(on_path)] if on_path else [])]:
        if initdb.with_name("postgres").exists():
            return initdb.parent
    return None


def _unprivileged() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root: whom to run it as instead, if we are root."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


@contextmanager
def cluster() -> Iterator[str]:
    """Start a server; yields the DATABASE_URL of an empty database in it."""
    found = binaries()
    if found is None:
        raise RuntimeError("PostgreSQL's binaries (initdb, postgres) are not on this machine.")
    # Below /tmp whatever TMPDIR says: a socket's path may have 107 characters at most.
    directory = Path(tempfile.mkdtemp(prefix="portal-postgres-", dir="/tmp"))
    owner = _unprivileged()
    identity = {}
    if owner:
        os.chown(directory, owner.pw_uid, owner.pw_gid)
        identity = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": ()}
    log = directory / "log"
    data = directory / "data"
    server = None
    try:
        subprocess.run(
            [
                found / "initdb",
                "-D",
                data,
                "-U",
                ROLE,
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C",
                "--no-sync",
            ],
            check=True,
            cwd=directory,
            stdout=subprocess.DEVNULL,
            env={"PATH": "/usr/bin:/bin"},
            **identity,
        )
        with log.open("wb") as output:
            server = subprocess.Popen(
                [found / "postgres", "-D", data, "-k", directory]
                + ["-c", "listen_addresses=", "-c", "max_connections=250"]
                + [word for setting in FAST for word in ("-c", setting)],
                cwd=directory,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Ctrl-C reaches the tests first; the server stops after them.
                start_new_session=True,
                env={"PATH": "/usr/bin:/bin"},
                **identity,
            )
        _create_database(directory, server, log)
        yield f"postgres://{ROLE}@/{str(directory).replace('/', '%2F')}%2F{DATABASE}"
    finally:
        if server is not None and server.poll() is None:
            server.send_signal(signal.SIGINT)
            server.wait(timeout=START_SECONDS)
        shutil.rmtree(directory, ignore_errors=True)


def _create_database(directory: Path, server: subprocess.Popen, log: Path) -> None:
    """Wait until the server answers, and make the database."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with psycopg.connect(
                host=str(directory), user=ROLE, dbname="postgres", autocommit=True
            ) as connection:
                connection.execute(f"CREATE DATABASE {DATABASE}")
                return
        except psycopg.OperationalError as error:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()}") from error
            time.sleep(0.05)


def main() -> int:
    if len(sys.argv) < 2:
        sys.stderr.write("usage: python -m tests.postgres COMMAND [ARGUMENT …]\n")
        return 2
    with cluster() as url:
        return subprocess.run(sys.argv[1:], env={**os.environ, "DATABASE_URL": url}).returncode


if __name__ == "__main__":
    sys.exit(main())
