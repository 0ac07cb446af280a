"""The worker's jobs: each in its time, by one worker."""

import datetime as dt
import threading

import pytest
from django.db import connection
from django.utils import timezone

from medimic.outbox import jobs, registry
from medimic.outbox.models import JobRun

pytestmark = pytest.mark.both

HOUR = dt.timedelta(hours=1)


@pytest.fixture
def ran(monkeypatch):
    """Which jobs ran; the only ones are `tests.hourly` and `tests.failing`."""
    names = []
    monkeypatch.setattr(registry, "_jobs", {})
    registry.register_job("tests.hourly", every=HOUR, run=lambda: names.append("hourly"))
    return names


def run_all() -> None:
    while jobs.run_next():
        pass


@pytest.mark.django_db
def test_runs_at_first_and_then_in_its_time(ran):
    jobs.prepare()
    jobs.prepare()
    run_all()
    run_all()
    assert ran == ["hourly"]
    run = JobRun.objects.get()
    assert run.due_at == run.started_at + HOUR
    assert run.finished_at
    JobRun.objects.update(due_at=timezone.now())
    run_all()
    assert ran == ["hourly", "hourly"]


@pytest.mark.django_db
def test_a_job_that_fails_is_tried_again_and_stops_no_other(ran):
    registry.register_job("tests.failing", every=HOUR, run=lambda: 1 / 0)
    jobs.prepare()
    run_all()
    assert ran == ["hourly"]
    failing = JobRun.objects.get(name="tests.failing")
    assert failing.last_error == "ZeroDivisionError"
    assert failing.finished_at is None
    assert failing.due_at - failing.started_at == jobs.RETRY_AFTER


@pytest.mark.django_db
def test_a_job_of_an_earlier_version_is_left_alone(ran):
    JobRun.objects.create(name="tests.gone")
    run_all()
    assert ran == []


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_one_runs_it(ran):
    jobs.prepare()
    barrier = threading.Barrier(8)

    def race() -> None:
        barrier.wait()
        run_all()
        connection.close()

    threads = [threading.Thread(target=race) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ran == ["hourly"]


def test_the_portals_own_jobs_are_registered():
    assert {"outbox.prune", "outbox.heartbeat", "medimic.clear_sign_ins"} <= set(registry.job_names())
