"""A real OpenID Connect provider on loopback, in an environment of its own.

Its packages are none of the portal's, so that they are installed beside it: once for each content of the
lock, below VAR_DIR.
"""

import fcntl
import hashlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

HERE = Path(__file__).resolve().parent
LOCK = HERE / "requirements.lock"
VAR_DIR = Path(os.environ.get("VAR_DIR", HERE.parents[1] / "var"))
START_SECONDS = 40


def python() -> Path:
    """The interpreter of the environment, which is made where it is missing."""
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]
    home = VAR_DIR / f"oidc-{digest}"
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as held:
        # Several runs of pytest side by side need it at once.
        fcntl.flock(held, fcntl.LOCK_EX)
        executable = home / "venv" / "bin" / "python"
        if not (home / "installed").exists():
            _install(home / "venv", executable)
            (home / "installed").touch()
    return executable


def _install(venv: Path, executable: Path) -> None:
    shutil.rmtree(venv, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    pip = [sys.executable, "-m", "pip"]
    if subprocess.run([*pip, "--version"], capture_output=True).returncode:
        pip = ["python3", "-m", "pip"]
    command = [*pip, "--python", str(executable), "install", "--quiet", "--quiet", "--require-hashes"]
    quiet = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
    subprocess.run([*command, "--requirement", str(LOCK)], check=True, env={**os.environ, **quiet})


class Provider:
    """`provider.user("anna", email="anna@clinic.example", email_verified=True)`."""

    def __init__(self, port: int) -> None:
        self.url = f"http://localhost:{port}"

    def user(self, sub: str, **claims: Any) -> str:
        """Make somebody known there; returns what they are called there."""
        httpx2.put(f"{self.url}/users/{sub}", json=claims).raise_for_status()
        return sub

    def authorize(self, address: str, sub: str) -> str:
        """Sign in there as one of them, and give consent; the address that leads back."""
        answer = httpx2.post(address, data={"sub": sub})
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]

    def deny(self, address: str) -> str:
        return httpx2.post(address, data={"action": "deny"}).headers["Location"]


@contextmanager
def running() -> Iterator[Provider]:
    """The provider in a process of its own; it ends with the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
        "AUTHLIB_INSECURE_TRANSPORT": "1",
        "PYTHONWARNINGS": "ignore",
    }
    process = subprocess.Popen(
        [str(python()), "-m", "oidc_provider_mock", "--port", str(port)],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        provider = Provider(port)
        _wait(provider.url, process)
        yield provider
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait(url: str, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx2.get(f"{url}/.well-known/openid-configuration", timeout=5)
        except httpx2.TransportError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("the provider did not start")
