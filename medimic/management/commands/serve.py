"""`manage.py serve`: the web server and the background worker, under one roof."""

import errno
import os
import signal
import socket
import subprocess
import sys
import time
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

HOST = "127.0.0.1"
START_SECONDS = 30
STOP_SECONDS = 25


class Command(BaseCommand):
    help = "Run the portal: gunicorn at http://localhost:PORT and the background worker."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        port = settings.PORT
        _check_port(port)
        house = Household()
        house.start("The web server", _gunicorn(port))
        house.start("The background worker", [sys.executable, "manage.py", "worker"])
        try:
            house.wait_for_port(port)
            self.stdout.write(_banner())
            self.stdout.flush()
            house.wait()
        finally:
            house.stop()


class Household:
    """Child processes that live and end together."""

    def __init__(self) -> None:
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        self.asked_to_stop = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._note_signal)

    def _note_signal(self, number: int, frame: FrameType | None) -> None:
        self.asked_to_stop = True

    def start(self, name: str, command: list[str]) -> None:
        # In a session of their own, so that Ctrl-C reaches them through us alone, once.
        self.children[name] = subprocess.Popen(  # noqa: S603 - the two commands below
            command, cwd=settings.BASE_DIR, start_new_session=True
        )

    def _all_well(self) -> bool:
        """False when asked to stop; raises when a child has ended by itself."""
        if self.asked_to_stop:
            return False
        for name, child in self.children.items():
            if child.poll() is not None:
                raise CommandError(f"{name} has ended (status {child.returncode}), so the portal stops.")
        return True

    def wait_for_port(self, port: int) -> None:
        """Return once the web server accepts connections."""
        deadline = time.monotonic() + START_SECONDS
        while self._all_well():
            with socket.socket() as probe:
                if probe.connect_ex((HOST, port)) == 0:
                    return
            if time.monotonic() > deadline:
                raise CommandError(f"The web server did not answer within {START_SECONDS} seconds.")
            time.sleep(0.05)

    def wait(self) -> None:
        """Return when asked to stop; raise when one of the children ends."""
        while self._all_well():
            time.sleep(0.2)

    def stop(self) -> None:
        """Let every child finish what it is doing, and end those that do not."""
        for child in self.children.values():
            if child.poll() is None:
                child.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for child in self.children.values():
            try:
                child.wait(timeout=max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()


def _gunicorn(port: int) -> list[str]:
    return [
        *(sys.executable, "-m", "gunicorn", "--config", "python:medimic.server"),
        *("--bind", f"{HOST}:{port}", "medimic.wsgi"),
    ]


def _check_port(port: int) -> None:
    """One sentence in place of gunicorn's five attempts."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise CommandError(f"Port {port} is in use; PORT chooses another one.") from None
            raise CommandError(f"Port {port} cannot be opened: {error.strerror}.") from None


def _banner() -> str:
    return f"\n  MediMic Provider Portal: {settings.PORTAL_URL}\n  Ctrl-C stops it.\n"
