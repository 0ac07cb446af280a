"""200 browsers wait for news of their sessions: what that costs, and what it leaves of the portal.

    python -m benchmarks.waiting [CLIENTS [SECONDS]]

gunicorn runs two workers, PostgreSQL is a server of its own, the clients are another process: each asks
every two seconds, as the page of a running session does, with the ETag of its last answer; hosts for the
participants, the others for segments. Meanwhile somebody opens the dashboard again and again. Quoted are
the workers' CPU for a 304, which other work on the machine moves little, and how long the dashboard took
with and without the waiting ones.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

from benchmarks.pages import cpu, server

CLIENTS, SECONDS = 200, 20.0
INTERVAL = 2.0
WARM_UP = 10.0
LOOKS = 40
SEGMENTS = 20


@dataclass
class Waiting:
    """What the waiting ones saw, times in ms."""

    unchanged: list[float] = field(default_factory=list)
    others: list[int] = field(default_factory=list)


def main(arguments: list[str]) -> int:
    from tests.postgres import cluster

    if arguments[:1] == ["--fill"]:
        print(json.dumps(_fill(int(arguments[1]))))
        return 0
    clients = int(arguments[0]) if arguments else CLIENTS
    seconds = float(arguments[1]) if len(arguments) > 1 else SECONDS
    with cluster() as url:
        environment = {**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.settings"}
        filled = subprocess.run(
            [sys.executable, "-m", "benchmarks.waiting", "--fill", str(clients)],
            env=environment, stdout=subprocess.PIPE, check=True, text=True,
        )  # fmt: skip
        facts = json.loads(filled.stdout)
        with server(environment, workers=2) as (port, workers):
            return asyncio.run(_measure(port, workers, facts, seconds))


def _fill(clients: int) -> dict[str, object]:
    """Half as many sessions, each with a host and somebody who joined, and a provider with a history."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.test import Client
    from django.test.utils import setup_test_environment

    from benchmarks.filling import fill

    setup_test_environment()
    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)
    provider = fill(own=200, others=0, devices=20)
    client = Client(headers={"host": "localhost"})
    client.force_login(provider)
    parts = [part for _session in range(clients // 2) for part in _session_of_two()]
    return {
        "cookie": "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items()),
        "parts": parts,
    }


def _session_of_two() -> list[tuple[str, str]]:
    """What each of the two asks for, and their token."""
    from tests.cast import make_person, subscribe
    from tests.sessions_app import seats

    host = make_person()
    subscribe(host)
    seat = seats.with_key(seats.host(host))
    joiner = seats.join(seat.visit, None)
    seat.send(*(seat.segment(number) for number in range(1, SEGMENTS + 1)))
    questions = ("participants", f"segments?after={SEGMENTS}")
    return [
        (f"{seat.visit.pk}/{question}", one.session_token)
        for one, question in zip((seat, joiner), questions, strict=True)
    ]


async def _measure(port: int, workers: list[int], facts: dict[str, object], seconds: float) -> int:
    cookie, parts = str(facts["cookie"]), list(facts["parts"])  # type: ignore[call-overload]
    await _look(port, cookie, 5)
    alone = await _look(port, cookie, LOOKS)
    async with _waiting(port, parts) as seen:
        await asyncio.sleep(WARM_UP)
        seen.unchanged.clear()
        seen.others.clear()
        before, started = sum(map(cpu, workers)), time.monotonic()
        await asyncio.sleep(seconds)
        spent, took = sum(map(cpu, workers)) - before, time.monotonic() - started
        rate, each = len(seen.unchanged) / took, spent / max(1, len(seen.unchanged)) * 1000
        answers, others = _spread(seen.unchanged), Counter(seen.others)
        beside = await _look(port, cookie, LOOKS)
    print(f"{len(parts)} clients: {rate:.0f} answers of 304 a second; others: {dict(others) or 'none'}")
    print(f"CPU of the workers for one: {each:.2f} ms; both together were busy {spent / took * 50:.0f} %")
    print(f"{'ms':32}{'p50':>8}{'p95':>8}")
    print(f"{'304, as the clients saw it':32}{answers}")
    print(f"{'dashboard, nobody waiting':32}{_spread(alone)}")
    print(f"{'dashboard, beside them':32}{_spread(beside)}")
    return 0


class _waiting:
    """So many clients that wait, each beginning at another instant."""

    def __init__(self, port: int, parts: list[tuple[str, str]]) -> None:
        self.port, self.parts, self.seen = port, parts, Waiting()

    async def __aenter__(self) -> Waiting:
        step = INTERVAL / max(1, len(self.parts))
        self.tasks = [
            asyncio.create_task(self._wait(question, token, step * number))
            for number, (question, token) in enumerate(self.parts)
        ]
        return self.seen

    async def __aexit__(self, *_: object) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def _wait(self, question: str, token: str, delay: float) -> None:
        tag = ""
        await asyncio.sleep(delay)
        while True:
            due = time.monotonic() + INTERVAL
            headers = {"Authorization": f"Bearer {token}", **({"If-None-Match": tag} if tag else {})}
            status, tag, took = await _ask(self.port, f"/api/sessions/{question}", headers)
            if status == 304:
                self.seen.unchanged.append(took)
            else:
                self.seen.others.append(status)
            await asyncio.sleep(max(0.0, due - time.monotonic()))


async def _look(port: int, cookie: str, times: int) -> list[float]:
    """Open the dashboard so many times, with a pause between."""
    took = []
    for _ in range(times):
        status, _tag, one = await _ask(port, "/", {"Cookie": cookie})
        if status != 200:
            raise RuntimeError(f"the dashboard answered {status}")
        took.append(one)
        await asyncio.sleep(0.1)
    return took


async def _ask(port: int, path: str, headers: dict[str, str]) -> tuple[int, str, float]:
    """Status, ETag and the time it took in ms."""
    started = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = [f"GET {path} HTTP/1.1", "Host: localhost", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    answer = (await reader.read()).partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    writer.close()
    told = dict(line.lower().split(": ", 1) for line in answer[1:])
    return int(answer[0].split()[1]), told.get("etag", ""), (time.monotonic() - started) * 1000


def _spread(times: list[float]) -> str:
    if len(times) < 2:
        return "       –       –"
    cuts = statistics.quantiles(times, n=20)
    return f"{cuts[9]:8.1f}{cuts[18]:8.1f}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
