"""`python -m tests.run`: every test, on every database, and in a browser.

A part whose component this machine lacks is named as not run; where `CI` is set
its absence is a failure.
"""

import os
import shutil
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import dataclass

from tests import postgres
from tests.browser import components

POSTGRES_TESTS = ["pytest", "-m", "not browser and not once", "-n", "2"]
# Beside them, what says the same everywhere and what SQLite could take another way. The rest meets it in
# Chromium, and where there is no PostgreSQL.
SQLITE_TESTS = ["pytest", "-m", "not browser and (once or both)", "-n", "2"]
ALL_ON_SQLITE = ["pytest", "-m", "not browser", "-n", "2"]
# Pages wait for the portal, and tests for pages: four at a time keep two cores busy.
BROWSER_TESTS = ["pytest", "tests/browser", "-n", "4"]
# What a cache decides, on the one that production takes. Skipped elsewhere without a server.
REDIS_TESTS = ["pytest", "tests/devices/test_dpop_races.py", "-k", "redis"]
# Two processes on one database: the part that databases could tell apart.
MAIN_JOB = ["pytest", "tests/browser/test_main_job.py"]


@dataclass
class Outcome:
    """How one part ended: pytest's closing line, or why it was not run."""

    part: str
    closing_line: str
    status: int | None


def run(part: str, command: list[str], database: str, missing: list[str]) -> Outcome:
    """Run pytest, pass on what it prints, and keep its last line."""
    if missing:
        return Outcome(part, f"not run: {' and '.join(missing)} not found on this machine", None)
    environment = {**os.environ}
    environment.pop("DATABASE_URL", None)
    if database:
        environment["DATABASE_URL"] = database
    print(f"\n{part}", flush=True)
    process = subprocess.Popen(
        [sys.executable, "-m", *command], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdout is not None
    tail = b""
    while chunk := os.read(process.stdout.fileno(), 4096):
        sys.stdout.buffer.write(chunk)
        sys.stdout.flush()
        tail = (tail + chunk)[-4096:]
    lines = tail.decode(errors="replace").strip().splitlines() or ["no output"]
    return Outcome(part, lines[-1], process.wait())


def main() -> int:
    no_postgres = [] if postgres.binaries() else ["PostgreSQL"]
    no_browser = components.missing()
    no_redis = [] if shutil.which("redis-server") else ["Redis"]
    outcomes = [
        run("On SQLite", ALL_ON_SQLITE if no_postgres else SQLITE_TESTS, "", []),
        run("On Redis, as the cache", REDIS_TESTS, "", no_redis),
    ]
    with nullcontext("") if no_postgres else postgres.cluster() as database:
        outcomes += [
            run("On PostgreSQL", POSTGRES_TESTS, database, no_postgres),
            run("In Chromium, on SQLite", BROWSER_TESTS, "", no_browser),
            run("The main job in Chromium, on PostgreSQL", MAIN_JOB, database, no_browser + no_postgres),
        ]
    print("\nAll parts")
    for outcome in outcomes:
        print(f"\n{outcome.part}:\n{outcome.closing_line}")
    not_run = [outcome.part for outcome in outcomes if outcome.status is None]
    if not_run and os.environ.get("CI"):
        print("\nWhere CI is set, every part must run.")
        return 1
    # 5: pytest found no test.
    return 1 if any(outcome.status for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
