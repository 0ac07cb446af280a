"""Workers in processes of their own: side by side, killed, stopped, without a database."""

import contextlib
import os
import random
import signal
import time
from collections import Counter
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from medimic.outbox import delivering, lanes, registry, taking, worker
from medimic.outbox.models import Delivery, JobRun
from medimic.outbox.queue import enqueue
from tests import processes

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def start_worker(tmp_path):
    journal = tmp_path / "journal"
    journal.touch()
    running = []

    def start(seconds: float = 0.0):
        child = processes.start("tests.outbox.children:work", str(journal), str(seconds))
        running.append(child)
        assert child.stdout.readline() == "ready\n"
        return child

    start.journal = journal

    start.sent = lambda: [line.split()[0] for line in journal.read_text().splitlines()]
    yield start
    for child in running:
        child.kill()
        child.communicate()


def fill(number: int) -> set[str]:
    with transaction.atomic():
        return {
            str(enqueue("tests.greeting", channel="tests", recipient="x", body={"n": n}).pk)
            for n in range(number)
        }


def wait_until(is_so, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def waiting() -> int:
    return Delivery.objects.filter(state=Delivery.State.WAITING).count()


def test_two_workers_send_a_hundred_deliveries_once_each(start_worker, channel):
    ids = fill(100)
    start_worker(0.005), start_worker(0.005)
    wait_until(lambda: not waiting())
    assert Counter(start_worker.sent()) == Counter(ids)
    assert set(Delivery.objects.values_list("attempts", flat=True)) == {1}


@pytest.fixture
def fork_worker(start_worker):
    """Workers that are quick to start, and whose leases last two seconds; returns a process id."""
    nursery = processes.start("tests.outbox.children:breed", str(start_worker.journal), "0.01", "2")
    pids = []

    def fork() -> int:
        nursery.stdin.write("\n")
        nursery.stdin.flush()
        pids.append(int(nursery.stdout.readline()))
        return pids[-1]

    yield fork
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    nursery.kill()
    nursery.communicate()


def test_no_delivery_is_lost_with_workers_killed_at_random(start_worker, fork_worker, channel):
    ids = fill(1000)
    workers = [fork_worker() for _ in range(3)]
    kills = 0
    while waiting():
        before, some = len(start_worker.sent()), random.randint(10, 100)
        wait_until(lambda n=before + some: len(start_worker.sent()) >= n or not waiting(), seconds=120)
        os.kill(workers.pop(random.randrange(3)), signal.SIGKILL)
        kills += 1
        workers.append(fork_worker())
    sent = Counter(start_worker.sent())
    assert set(sent) == ids
    assert kills > 5
    # Only what a worker had in hand when it died can have gone out twice, under the same id.
    assert sum(sent.values()) - len(ids) <= kills * registry.SENDERS
    assert set(Delivery.objects.values_list("state", flat=True)) == {Delivery.State.SENT}


def test_a_dead_workers_lease_runs_out(start_worker, channel, monkeypatch):
    fill(1)
    child = start_worker(60)
    wait_until(lambda: start_worker.sent())
    child.kill()
    child.wait()
    assert taking.take() is None
    later = timezone.now() + taking.LEASE
    monkeypatch.setattr(taking.timezone, "now", lambda: later)
    assert taking.take().attempt == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stops_after_the_delivery_in_hand(start_worker, channel, number):
    fill(5)
    child = start_worker(0.5)
    wait_until(lambda: len(start_worker.sent()) == 1)
    child.send_signal(number)
    assert child.communicate(timeout=10)[0] == "stopped\n"
    assert child.returncode == 0
    assert len(start_worker.sent()) == 1
    assert waiting() == 4
    assert not Delivery.objects.filter(lease_id__isnull=False).exists()


def test_stops_at_once_while_resting(start_worker):
    child = start_worker()
    time.sleep(0.2)
    child.terminate()
    started = time.monotonic()
    child.communicate(timeout=10)
    assert time.monotonic() - started < 5
    assert child.returncode == 0


def test_notes_what_was_sent_though_the_database_was_away_just_then(channel, monkeypatch):
    fill(1)
    failures = [OperationalError("gone"), OperationalError("gone")]
    finish = delivering.finish

    def finish_later(taken, outcome):
        if failures:
            raise failures.pop()
        return finish(taken, outcome)

    monkeypatch.setattr(delivering, "finish", finish_later)
    monkeypatch.setattr(lanes, "FIRST_OUTAGE_SECONDS", 0.01)
    assert worker.deliver_next(worker.Stop())
    assert len(channel.sent) == 1
    assert not waiting()


def test_a_lane_waits_for_a_database_that_is_away(channel, monkeypatch):
    fill(3)
    stop = worker.Stop()
    failures = [OperationalError("gone")] * 4
    waited = []
    take = taking.take_batch

    def take_later(*arguments, **options):
        if failures:
            raise failures.pop()
        return take(*arguments, **options)

    monkeypatch.setattr(taking, "take_batch", take_later)
    monkeypatch.setattr(stop, "wait", waited.append)
    monkeypatch.setattr(lanes.Lane, "_rest", lambda lane: stop.ask())
    lanes.Lane("tests", stop)._lead()
    assert len(channel.sent) == 3
    assert waited == [0.5, 1.0, 2.0, 4.0]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no connections to cut")
def test_outlives_cut_connections(start_worker, channel):
    fill(1)
    child = start_worker()
    wait_until(lambda: not waiting())
    for _ in range(3):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        fill(1)
        wait_until(lambda: not waiting())
    assert child.poll() is None


def test_once_does_what_is_due_and_ends(channel):
    fill(3)
    call_command("worker", once=True, without_sealer=True)
    assert len(channel.sent) == 3
    assert JobRun.objects.filter(finished_at__gt=timezone.now() - timedelta(minutes=1)).count() >= 3
