"""A whole portal for a browser test: web server with two workers, background worker, data of its own."""

import json
import os
import shutil
import socket
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
START_SECONDS = 40
STOP_SECONDS = 30


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
    """`manage.py simulate_device`: `phone.run("start-session", "Visit")`."""

    portal: Portal
    state: Path
    options: dict[str, str]

    def _words(self, command: Sequence[str]) -> list[str]:
        options = [
            word for name, value in self.options.items() for word in (f"--{name.replace('_', '-')}", value)
        ]
        return [
            "simulate_device",
            "--server",
            self.portal.url,
            "--state",
            str(self.state),
            *options,
            *command,
        ]

    def attempt(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.portal.manage(*self._words(command), **environment)

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Leave the phone to itself; what it says can be read while it waits."""
        return subprocess.Popen(
            [sys.executable, "manage.py", *self._words(command)],
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
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=BASE_DIR,
        env=environment,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
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


class Databases:
    """One seeded database, and copies of it."""

    def __init__(self, directory: Path, server: str) -> None:
        """`server` is the DATABASE_URL of a PostgreSQL database, or empty for SQLite."""
        self.directory = directory
        self.server = server
        self.environment = environment() | {"VAR_DIR": str(directory / "var")}
        self.copies = 0
        self.seeded = self._url("seeded")
        if server:
            self._execute('CREATE DATABASE "browser_seeded"')
        for command in ("prepare", "demo"):
            done = manage(self.environment | {"DATABASE_URL": self.seeded}, command)
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
        name = f"copy_{self.copies}"
        if self.server:
            self._execute(f'CREATE DATABASE "browser_{name}" TEMPLATE "browser_seeded"')
        else:
            shutil.copyfile(self.directory / "seeded.sqlite3", self.directory / f"{name}.sqlite3")
        return self._url(name)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


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
        },
        directory=directory,
    )
    with (directory / "log").open("wb") as log:
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
