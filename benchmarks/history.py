"""What pages cost with 1,000 and with 1,000,000 sessions, 100,000 of them one provider's.

    python -m benchmarks.history            # both, and the ratios; some minutes
    python -m benchmarks.history 1000       # one size alone, as JSON

Each size gets a PostgreSQL server of its own. A page is asked for in this process, by Django's
test client; what counts is CPU, this process's and the database server's, the best of some
rounds: other work on the machine moves it least. The plan of every query about sessions is read
for sequential scans, which say nothing where there are few.
"""

import html
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

SMALL, LARGE = 1_000, 1_000_000
BAR = 1.2
ROUNDS = 11
FILTERS = {
    "all": "",
    "day": "period=day",
    "week": "period=week",
    "month": "period=month",
    "custom": "from=2025-01-01&to=2026-06-30",
    "two-device": "mode=two_device",
    "active": "status=active",
    "ended": "status=ended",
    "expired": "status=expired",
    "two-device, active": "mode=two_device&status=active",
    "two-device, ended": "mode=two_device&status=ended",
    "two-device, expired": "mode=two_device&status=expired",
    "month, two-device, expired": "period=month&mode=two_device&status=expired",
    "search: common": "q=follow",
    "search: two common words": "q=wound+check",
    "search: one session": "q=consent+talk+57",
    "search: others' word": "q=prenatal",
    "search: nothing": "q=zebra",
    "search: code": "q=ABCDEF",
    "search, two-device, ended": "q=follow&mode=two_device&status=ended",
}


def main(arguments: list[str]) -> int:
    if arguments:
        print(json.dumps(_measure_in_cluster(int(arguments[0]))))
        return 0
    small, large = (_in_a_process(size) for size in (SMALL, LARGE))
    print(f"{'page':42}{SMALL:>10,}{LARGE:>19,}")
    print(f"{'CPU in ms':42}{'page + database':>17}{'page + database':>19}{'ratio':>8}")
    missed = 0
    for page, (own, server, _scans) in small.items():
        own_large, server_large, scans = large[page]
        ratio = (own_large + server_large) / (own + server)
        missed += ratio > BAR or bool(scans)
        remark = "  over the bar" if ratio > BAR else ""
        remark += f"  sequential scan: {scans}" if scans else ""
        figures = f"{own:9.1f} + {server:5.1f}{own_large:11.1f} + {server_large:5.1f}{ratio:8.2f}"
        print(f"{page:42}{figures}{remark}")
    return 1 if missed else 0


def _in_a_process(size: int) -> dict[str, Any]:
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.history", str(size)], stdout=subprocess.PIPE, check=True
    )
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def _measure_in_cluster(size: int) -> dict[str, Any]:
    from tests.postgres import cluster

    with cluster() as url:
        os.environ.update(DATABASE_URL=url, DJANGO_SETTINGS_MODULE="tests.settings")
        import django

        django.setup()
        return _measure(size)


def _measure(size: int) -> dict[str, Any]:
    from django.core.management import call_command
    from django.db import connection
    from django.test import Client

    from benchmarks.filling import fill

    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)
    started = time.monotonic()
    own, devices = (size, size // 10) if size <= SMALL else (size // 10, size // 10)
    provider = fill(own=own, others=size - own, devices=devices)
    print(f"{size:,} sessions in {time.monotonic() - started:.0f} s", file=sys.stderr)
    client = Client(headers={"host": "localhost"})
    client.force_login(provider)
    client.get("/")  # the first page of a sign-in notes the browser
    measured = {}
    for page, path in _pages(client).items():
        measured[page] = (*_times(lambda path=path: _get(client, path)), _scans(client, path))
    connection.close()
    return measured


def _pages(client: Any) -> dict[str, str]:
    pages = {}
    for name, query in FILTERS.items():
        pages[f"history, {name}, first"] = f"/sessions/?{query}"
        pages[f"history, {name}, last"] = f"/sessions/?{query}&page=last"
    first = _get(client, "/sessions/").content.decode()
    second = "/sessions/" + _link(r'rel="next" href="([^"]+)"', first)
    back = _link(r'rel="prev" href="([^"]+)"', _get(client, second).content.decode())
    return pages | {
        "history, all, second": second,
        "history, all, back": f"/sessions/{back}",
        "session detail": _link(r'<th scope="row"><a href="([^"]+)"', first),
        "dashboard": "/",
        "Connected Devices": "/settings/devices/",
    }


def _link(pattern: str, page: str) -> str:
    found = re.search(pattern, page)
    if found is None:
        raise RuntimeError(f"no link fits {pattern}")
    return html.unescape(found[1])


def _get(client: Any, path: str) -> Any:
    response = client.get(path)
    if response.status_code != 200:
        raise RuntimeError(f"{path} answered {response.status_code}")
    return response


def _times(ask: Callable[[], object]) -> tuple[float, float]:
    """The best CPU of a request in ms: this process's own, and the database server's."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        backend = cursor.fetchone()[0]
    for _ in range(3):
        ask()
    own, servers = [], []
    for _ in range(ROUNDS):
        before, server = time.process_time(), _cpu(backend)
        ask()
        own.append(time.process_time() - before)
        servers.append(_cpu(backend) - server)
    return min(own) * 1000, min(servers) * 1000


def _cpu(process: int) -> float:
    with open(f"/proc/{process}/schedstat") as times:
        return int(times.read().split()[0]) / 1e9


def _scans(client: Any, path: str) -> list[str]:
    """Tables of sessions that a query of this page reads from end to end."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as queries:
        _get(client, path)
    found = set()
    for query in queries:
        if query["sql"].startswith("SET LOCAL"):
            # As it was for the queries behind it; this connection is in no transaction.
            with connection.cursor() as cursor:
                cursor.execute(query["sql"].replace("SET LOCAL", "SET"))
        if "sessions_app_" not in query["sql"] or not query["sql"].startswith("SELECT"):
            continue
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN " + query["sql"])
            plan = "\n".join(row[0] for row in cursor.fetchall())
        if os.environ.get("PLANS"):
            print(f"{path}\n{query['sql']}\n{plan}\n", file=sys.stderr)
        for table in ("sessions_app_visit", "sessions_app_participant"):
            if f"Seq Scan on {table} " in plan:
                found.add(table)
    return sorted(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
