"""What a request costs a worker: CPU, beside bare Django views of the same data.

    python -m benchmarks.pages [REQUESTS]

gunicorn runs one worker, PostgreSQL is a server of its own, the client is another process. What
is quoted is the worker's own user and system time per request, which other work on the machine
moves far less than the wall clock, and its ratio to the bare list of 50 rows.
"""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

REQUESTS = 200
ROUNDS = 3
BARE = {"bare, ok": "/ok/", "bare, 50 rows": "/rows/"}
# Against the bare list: BAR's 0.7 for a list, and its 8 ms of 32.7 for a page without one.
PAGES = {
    "Connected Devices, 50 rows": ("/settings/devices/", 0.7),
    "Sessions, 50 rows": ("/sessions/", 0.7),
    "Dashboard": ("/", 0.245),
    "Profile, no list": ("/settings/", 0.245),
    "Security": ("/settings/security/", None),
    "Session detail": ("{session}", None),
    "One device": ("{device}", None),
    "Billing": ("/billing/", None),
}


def main(arguments: list[str]) -> int:
    from tests.postgres import cluster

    if arguments[:1] == ["--fill"]:
        print(_fill())
        return 0
    requests = int(arguments[0]) if arguments else REQUESTS
    with cluster() as url:
        environment = {**os.environ, "DATABASE_URL": url}
        environment["DJANGO_SETTINGS_MODULE"] = "tests.settings"
        cookie = subprocess.run(
            [sys.executable, "-m", "benchmarks.pages", "--fill"],
            env=environment, stdout=subprocess.PIPE, check=True, text=True,
        ).stdout.strip()  # fmt: skip
        bare = _measure("benchmarks.bare", environment, cookie, dict(BARE), requests)
        paths = {name: path for name, (path, _bar) in PAGES.items()}
        pages = _measure("tests.settings", environment, cookie, paths, requests)
    unit = bare["bare, 50 rows"][0]
    print(f"{'page':30}{'CPU, ms':>9}{'ratio':>8}{'bar':>7}{'bytes':>9}")
    for name, (cpu, size) in (bare | pages).items():
        bar = PAGES.get(name, ("", None))[1]
        print(f"{name:30}{cpu:9.2f}{cpu / unit:8.2f}{bar or '':>7}{size:9,}")
    return 0


def _fill() -> str:
    """Data as in `benchmarks.history`'s small size; the cookie of somebody signed in."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.test import Client

    from benchmarks.filling import fill

    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)
    client = Client(headers={"host": "localhost"})
    client.force_login(fill(own=1000, others=0, devices=100))
    return "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())


def _measure(
    settings: str, environment: dict[str, str], cookie: str, paths: dict[str, str], requests: int
) -> dict[str, tuple[float, int]]:
    """For each page the CPU of a request in ms, the best of some rounds, and its bytes."""
    found: dict[str, tuple[float, int]] = {}
    with server({**environment, "DJANGO_SETTINGS_MODULE": settings}) as (port, [worker]):
        for name, path in paths.items():
            if path.startswith("{"):
                path = _linked(path, port, cookie)
            size = len(_ask(port, path, cookie, 10))
            cpus = []
            for _ in range(ROUNDS):
                before = cpu(worker)
                _ask(port, path, cookie, requests)
                cpus.append((cpu(worker) - before) / requests * 1000)
            found[name] = (min(cpus), size)
    return found


@contextmanager
def server(environment: dict[str, str], workers: int = 1) -> Iterator[tuple[int, list[int]]]:
    """gunicorn with so many workers; its port and the workers' processes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "--config", "python:medimic.server"]
    command += ["--workers", str(workers), "--bind", f"127.0.0.1:{port}", "medimic.wsgi"]
    master = subprocess.Popen(command, env=environment)
    try:
        yield port, _workers_of(master.pid, port, workers)
    finally:
        master.send_signal(signal.SIGTERM)
        master.wait(timeout=30)


def _workers_of(master: int, port: int, number: int) -> list[int]:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        time.sleep(0.2)
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            continue
        with open(f"/proc/{master}/task/{master}/children") as children:
            workers = [int(child) for child in children.read().split()]
        if len(workers) == number:
            return workers
    raise RuntimeError("gunicorn did not start")


def cpu(process: int) -> float:
    """User and system time so far, in seconds; finer than the clock ticks of `stat`."""
    with open(f"/proc/{process}/schedstat") as times:
        return int(times.read().split()[0]) / 1e9


def _ask(port: int, path: str, cookie: str, times: int) -> bytes:
    body = b""
    for _ in range(times):
        connection = http.client.HTTPConnection("localhost", port)
        connection.request("GET", path, headers={"Cookie": cookie})
        response = connection.getresponse()
        body = response.read()
        connection.close()
        if response.status != 200:
            raise RuntimeError(f"{path} answered {response.status}")
    return body


def _linked(kind: str, port: int, cookie: str) -> str:
    """The first session, or the first device, of the list."""
    pages = {"{session}": ("/sessions/", r'"(/sessions/[0-9a-f-]{36}/)"')}
    pages["{device}"] = ("/settings/devices/", r'"(/settings/devices/[0-9a-f-]{36}/)"')
    path, pattern = pages[kind]
    found = re.search(pattern, _ask(port, path, cookie, 1).decode())
    if found is None:
        raise RuntimeError(f"{path} links to none")
    return found[1]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
