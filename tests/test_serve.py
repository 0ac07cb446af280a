"""`manage.py serve`: two processes that live and end together."""

import os
import signal
import socket
import subprocess
import sys

import pytest
from django.conf import settings

from tests.browser.portal import environment, free_port, manage, wait_until_ready

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory):
    """The environment of an empty portal."""
    directory = str(tmp_path_factory.mktemp("portal"))
    found = environment() | {"VAR_DIR": directory, "PORT": str(free_port())}
    assert manage(found, "prepare").returncode == 0
    return found


@pytest.fixture
def serving(surroundings):
    """The process of a portal that answers."""
    process = subprocess.Popen(
        [sys.executable, "manage.py", "serve"],
        cwd=settings.BASE_DIR,
        env=surroundings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until_ready(f"http://127.0.0.1:{surroundings['PORT']}", process, lambda: "")
    yield process
    process.terminate()
    process.communicate(timeout=30)


def children(process) -> list[int]:
    found = subprocess.run(["ps", "--ppid", str(process.pid), "-o", "pid="], capture_output=True, text=True)
    return [int(pid) for pid in found.stdout.split()]


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_both_processes(serving, number):
    both = children(serving)
    assert len(both) == 2

    serving.send_signal(number)
    output, errors = serving.communicate(timeout=30)

    assert serving.returncode == 0
    assert "http://localhost" in output
    assert errors == ""
    assert not any(lives(pid) for pid in both)


def test_the_end_of_one_ends_the_other_with_a_sentence(serving):
    both = children(serving)
    os.kill(both[1], signal.SIGKILL)
    _, errors = serving.communicate(timeout=30)

    assert serving.returncode == 1
    assert errors == "CommandError: The background worker has ended (status -9), so the portal stops.\n"
    assert not any(lives(pid) for pid in both)


def test_a_port_in_use_is_told_in_one_sentence(surroundings):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        done = manage(surroundings | {"PORT": port}, "serve")

    assert done.returncode == 1
    assert done.stderr == f"CommandError: Port {port} is in use; PORT chooses another one.\n"
