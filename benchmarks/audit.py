"""Appends to the audit log from 8 processes at once: without it, with it, and with the sealer beside.

    python -m benchmarks.audit [APPENDS]

PostgreSQL is a server of its own. Each append is a transaction that writes a row of another table and
waits for 2 ms, as a change does that asks and answers; the three kinds take turns in one run, since the
machine's mood moves all of them alike. The sealer's lag is how long the oldest row had waited at worst.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path
from typing import Any

PROCESSES, APPENDS = 8, 500
KINDS = ("without audit", "with audit", "with audit and sealer")


def main(arguments: list[str]) -> int:
    from tests.postgres import cluster

    if arguments[:1] == ["--append"]:
        print(json.dumps(_append(int(arguments[1]), is_audited=arguments[2] != KINDS[0])))
        return 0
    appends = int(arguments[0]) if arguments else APPENDS
    with cluster() as url, tempfile.TemporaryDirectory() as directory:
        os.environ |= {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.settings"}
        os.environ["AUDIT_JOURNAL"] = str(Path(directory) / "journal")
        subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], check=True)
        import django

        django.setup()
        print(f"{'':24}{'appends/s':>11}{'p50, ms':>9}{'p99, ms':>9}{'sealed':>9}{'lag, s':>8}")
        for kind in KINDS:
            _report(kind, *_measure(kind, appends))
    return 0


def _measure(kind: str, appends: int) -> tuple[float, list[float], int, float]:
    sealing = Sealing() if kind == KINDS[2] else None
    command = [sys.executable, "-m", "benchmarks.audit", "--append", str(appends), kind]
    children = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(PROCESSES)
    ]
    for child in children:
        child.stdout.readline()  # it has started
    begun = time.monotonic()
    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()
    waits = [wait for child in children for wait in json.loads(child.stdout.readline())]
    seconds = time.monotonic() - begun
    for child in children:
        child.communicate()
    sealed, lag = sealing.end() if sealing else (0, 0.0)
    return seconds, waits, sealed, lag


def _report(kind: str, seconds: float, waits: list[float], sealed: int, lag: float) -> None:
    p99 = statistics.quantiles(waits, n=100)[98]
    rate, p50 = len(waits) / seconds, statistics.median(waits)
    print(f"{kind:24}{rate:11.0f}{p50:9.1f}{p99:9.1f}{sealed:9}{lag:8.1f}", flush=True)


class Sealing:
    """A sealer as the worker runs it, and an eye on how far it lags."""

    def __init__(self) -> None:
        from medimic.audit import sealer

        self.stop = threading.Event()
        sealer.seal()
        self.before = _count()
        self.lag = 0.0
        self.threads = [
            threading.Thread(target=sealer.keep_sealing, args=(self.stop,)),
            threading.Thread(target=self._watch),
        ]
        for thread in self.threads:
            thread.start()

    def _watch(self) -> None:
        from django.db import connection

        from medimic.audit.standing import standing

        while not self.stop.wait(0.2):
            self.lag = max(self.lag, standing().waits.total_seconds())
        connection.close()

    def end(self) -> tuple[int, float]:
        """How many rows were sealed while the others wrote, and the lag at worst."""
        sealed = _count() - self.before
        self.stop.set()
        for thread in self.threads:
            thread.join()
        return sealed, self.lag


def _count() -> int:
    from medimic.audit.standing import standing

    return standing().count


def _append(appends: int, *, is_audited: bool) -> list[float]:
    """Milliseconds of each transaction."""
    import django

    django.setup()
    from django.db import connection, transaction

    from medimic.audit.log import Origin, record
    from medimic.audit.models import ActorKind
    from medimic.outbox.models import JobRun

    person = uuid.uuid4()
    origin = Origin(ActorKind.PERSON, person, "192.0.2.7", "Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0")
    details: dict[str, Any] = {"device": "Anna's iPhone 15 Pro", "reason": "self"}
    JobRun.objects.create(name=str(person))
    print("ready", flush=True)
    sys.stdin.readline()
    waits = []
    for _ in range(appends):
        begun = time.monotonic()
        with transaction.atomic(), connection.cursor() as cursor:
            JobRun.objects.filter(name=str(person)).update(last_error="x")
            cursor.execute("SELECT pg_sleep(0.002)")
            if is_audited:
                record("devices.revoked", origin=origin, person_id=person, details=details)
        waits.append((time.monotonic() - begun) * 1000)
    return waits


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
