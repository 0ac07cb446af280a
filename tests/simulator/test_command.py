"""The command as a process: its form, its exit codes, and what it does not touch."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from devices.deep_link import key_id, seal
from medimic import simulator

pytestmark = pytest.mark.once

ROOT = Path(__file__).resolve().parents[2]
NOWHERE = "http://127.0.0.1:9"
OTHER_KEY = b"another key of thirty-two bytes!"


def simulate(tmp_path, *arguments, **environment):
    return subprocess.run(
        [sys.executable, "manage.py", "simulate_device", "--state", str(tmp_path / "phone.json"), *arguments],
        cwd=ROOT,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "medimic.settings",
            "DATABASE_URL": "postgres://nobody@127.0.0.1:1/nothing",
            **environment,
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


def test_it_needs_no_database(tmp_path):
    done = simulate(tmp_path, "--server", NOWHERE, "start-session", "Visit")
    assert (done.returncode, done.stdout) == (1, "")
    assert json.loads(done.stderr)["code"] == "unreachable"


def test_a_missing_key_exits_with_2_and_names_the_key(tmp_path):
    done = simulate(tmp_path, "open", seal({"token": "t"}, [OTHER_KEY]))
    assert (done.returncode, done.stdout) == (2, "")
    assert json.loads(done.stderr)["kid"] == key_id(OTHER_KEY)


@pytest.mark.parametrize("link", ["https://example.com", "medipal://authenticate?payload=a.b", ""])
def test_garbage_exits_with_1(tmp_path, link):
    done = simulate(tmp_path, "open", link)
    assert done.returncode == 1
    assert json.loads(done.stderr)["code"] == "link_unreadable"


def test_a_typing_error_is_neither_a_refusal_nor_a_missing_key(tmp_path):
    assert simulate(tmp_path, "no-such-command").returncode == 64
    assert simulate(tmp_path).returncode == 64


def test_a_broken_keychain_is_told(tmp_path):
    (tmp_path / "phone.json").write_text("{")
    done = simulate(tmp_path, "whoami")
    assert json.loads(done.stderr)["code"] == "state_unreadable"


def test_it_imports_no_model_and_no_django(tmp_path):
    script = (
        "import sys; from medimic.simulator import command; "
        "print(*sorted(name for name in sys.modules if name.partition('.')[0] in "
        "('django', 'accounts', 'billing', 'devices', 'medimic', 'orgs', 'sessions_app')))"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    imported = set(done.stdout.split())
    names = [path.stem for path in Path(simulator.__file__).parent.glob("[a-z]*.py")]
    own = {f"medimic.simulator.{name}" for name in names}
    assert imported == {"medimic", "medimic.simulator", *own, "devices", "devices.deep_link"}


def test_a_password_that_nobody_typed_is_told(tmp_path):
    done = simulate(tmp_path, "--server", NOWHERE, "sign-in", "somebody@people.example")
    assert (done.returncode, json.loads(done.stderr)["code"]) == (1, "input_missing")
