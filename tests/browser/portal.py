"""A whole portal for a browser test: web server with two workers, background worker, data of its own.

Starting one takes longer than most tests. So the tests of one process hand one on, each time with
its data as they were at first; see `Renewed`."""

import contextlib
import fcntl
import json
import os
import random
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx2
import psycopg

from medimic.keys import SECRETS
from tests.production import SURROUNDINGS

BASE_DIR = Path(__file__).resolve().parents[2]
PASSWORD = "a demonstration of no secret"
START_SECONDS = 90
STOP_SECONDS = 30
# Below those that the system gives to connections, which could take one before a portal does.
PORTS = range(12_000, 32_000)
# The client alone, without Django around it.
SIMULATOR = ("-m", "medimic.simulator")
MANAGED_SIMULATOR = ("manage.py", "simulate_device")


@dataclass
class Portal:
    """One running portal; `directory` holds its mails, its log and its simulated phones."""

    url: str
    environment: dict[str, str]
    directory: Path

    def manage(
        self, *arguments: str, stdin: str = "", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run `manage.py` in a process of its own beside this portal."""
        return manage(self.environment | environment, *arguments, stdin=stdin)

    def phone(self, name: str, **options: str) -> "Phone":
        """A simulated phone with a memory of its own."""
        return Phone(self, self.directory / f"{name}.json", options)

    def log(self) -> str:
        return (self.directory / "log").read_text()


@dataclass
class Phone:
    """A simulated phone: `phone.run("start-session", "Visit")`."""

    portal: Portal
    state: Path
    options: dict[str, str]
    program: Sequence[str] = SIMULATOR

    def _words(self, command: Sequence[str]) -> list[str]:
        options = [
            word for name, value in self.options.items() for word in (f"--{name.replace('_', '-')}", value)
        ]
        where = ["--server", self.portal.url, "--state", str(self.state)]
        return [sys.executable, *self.program, *where, *options, *command]

    def attempt(self, *command: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        return _done(self._words(command), self.portal.environment | environment, stdin)

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Leave the phone to itself; what it says can be read while it waits."""
        return subprocess.Popen(
            self._words(command),
            cwd=BASE_DIR,
            env=self.portal.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *command: str) -> dict[str, Any]:
        """What the phone printed; fails if it was refused."""
        done = self.attempt(*command)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def refused(self, *command: str) -> dict[str, Any]:
        """The problem document of a refusal."""
        done = self.attempt(*command)
        assert done.returncode == 1, done.stdout + done.stderr
        return json.loads(done.stderr)


def manage(environment: dict[str, str], *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return _done([sys.executable, "manage.py", *arguments], environment, stdin)


def _done(command: list[str], environment: dict[str, str], stdin: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=BASE_DIR,
        env=environment,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=300,
    )


def environment() -> dict[str, str]:
    """Nothing of the developer's own, and secrets that are worth nothing."""
    return {
        **{name: os.environ[name] for name in SURROUNDINGS if name in os.environ},
        **{name: make() for name, make in SECRETS.items()},
        "ENV_FILE": os.devnull,
        "DJANGO_SETTINGS_MODULE": "medimic.settings",
        "DEMO_PASSWORD": PASSWORD,
        "LOG_LEVEL": "WARNING",
    }


# What a worker does when it starts: else each portal would do it anew.
RUN_JOBS = """
from medimic.outbox import jobs
jobs.prepare()
while jobs.run_next():
    pass
"""


class Databases:
    """One seeded database, made once for all processes of a test run, and copies of it."""

    def __init__(self, directory: Path, server: str) -> None:
        """`server` is the DATABASE_URL of a PostgreSQL database, or empty for SQLite."""
        self.directory = directory
        self.server = server
        self.copies = 0
        self.seeded = self._url("seeded")
        self.file = directory / "seeded.sqlite3"
        directory.mkdir(parents=True, exist_ok=True)
        with (directory / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            note = directory / "environment.json"
            if note.exists():
                self.environment = json.loads(note.read_text())
            else:
                self.environment = environment() | {"VAR_DIR": str(directory / "var")}
                self._seed()
                note.write_text(json.dumps(self.environment))

    def _seed(self) -> None:
        if self.server:
            self._execute('CREATE DATABASE "browser_seeded"')
        for command in (("prepare",), ("demo",), ("shell", "--no-imports", "-c", RUN_JOBS)):
            done = manage(self.environment | {"DATABASE_URL": self.seeded}, *command)
            assert done.returncode == 0, done.stdout + done.stderr

    def _url(self, name: str) -> str:
        if self.server:
            return f"{self.server.rsplit('%2F', 1)[0]}%2Fbrowser_{name}"
        return f"sqlite:///{self.directory / name}.sqlite3"

    def _execute(self, statement: str) -> None:
        host, database = unquote(self.server.partition("@/")[2]).rsplit("/", 1)
        with psycopg.connect(host=host, dbname=database, user="portal", autocommit=True) as connection:
            connection.execute(statement)

    def copy(self) -> str:
        """The DATABASE_URL of a fresh copy."""
        self.copies += 1
        name = f"copy_{os.getpid()}_{self.copies}"
        if self.server:
            self._execute(f'CREATE DATABASE "browser_{name}" TEMPLATE "browser_seeded"')
        else:
            shutil.copyfile(self.file, self.directory / f"{name}.sqlite3")
        return self._url(name)


def free_port() -> int:
    while True:
        port = random.choice(PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@contextmanager
def running(databases: Databases, directory: Path) -> Iterator[Portal]:
    """Start a portal on a copy of the seeded database; it ends with the block."""
    directory.mkdir(parents=True, exist_ok=True)
    port = free_port()
    portal = Portal(
        url=f"http://localhost:{port}",
        environment=databases.environment
        | {
            "PORT": str(port),
            "DATABASE_URL": databases.copy(),
            "EMAIL_URL": f"filemail:///{directory / 'mail'}",
            "SMS_URL": f"file://{directory / 'sms'}",
            "AUDIT_JOURNAL": str(directory / "audit.journal"),
        },
        directory=directory,
    )
    with (directory / "log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "serve"],
            cwd=BASE_DIR,
            env=portal.environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until_ready(portal.url, process, portal.log)
        yield portal
    finally:
        process.terminate()
        process.wait(timeout=STOP_SECONDS)


class Renewed:
    """A portal that goes on running from test to test, while its data become what they were at first.

    What a test leaves behind in its processes is what they may keep anyway: files, templates, formats.
    """

    def __init__(self, databases: Databases, directory: Path) -> None:
        self.databases = databases
        self.directory = directory
        self.portal: Portal | None = None
        self.starts = 0
        self.stack = contextlib.ExitStack()

    def get(self) -> Portal:
        if self.portal is not None and self._answers():
            self._renew(self.portal)
        else:
            self.stop()
            self.starts += 1
            directory = self.directory / str(self.starts)
            self.portal = self.stack.enter_context(running(self.databases, directory))
        return self.portal

    def stop(self) -> None:
        self.stack.close()

    def _answers(self) -> bool:
        with contextlib.suppress(httpx2.TransportError):
            return httpx2.get(f"{self.portal.url}/healthz", timeout=10).status_code == 200
        return False

    def _renew(self, portal: Portal) -> None:
        file = portal.environment["DATABASE_URL"].removeprefix("sqlite:///")
        with (
            contextlib.closing(sqlite3.connect(file, timeout=60)) as data,
            contextlib.closing(
                sqlite3.connect(f"file:{self.databases.file}?immutable=1", uri=True)
            ) as seeded,
        ):
            self._let_finish(data)
            for path in portal.directory.iterdir():
                if path.is_dir():
                    shutil.rmtree(path)
                elif path.name == "log":
                    os.truncate(path, 0)
                else:
                    path.unlink()
            seeded.backup(data)

    def _let_finish(self, data: sqlite3.Connection) -> None:
        """No mail of one test may come while the next one waits for its own."""
        waiting = "FROM outbox_delivery WHERE state = 'waiting' AND lease_id IS"
        with data:
            data.execute(f"DELETE {waiting} NULL")
        deadline = time.monotonic() + START_SECONDS
        while data.execute(f"SELECT count(*) {waiting} NOT NULL").fetchone()[0]:
            assert time.monotonic() < deadline, "the worker does not finish what it has taken up"
            time.sleep(0.02)


def wait_until_ready(url: str, process: subprocess.Popen, log: Callable[[], str]) -> None:
    """Return as soon as the portal answers."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx2.get(f"{url}/healthz", timeout=5)
        except httpx2.TransportError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"The portal did not start:\n{log()}")
