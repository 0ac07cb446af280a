"""What probes are told."""

import datetime as dt

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from medimic import health
from medimic.outbox.models import Delivery, JobRun, Service
from medimic.outbox.worker import Stop, work_once

pytestmark = pytest.mark.both


def get(name: str):
    return Client().get(reverse(name))


def overdue(**ago: float) -> None:
    due_at = timezone.now() - dt.timedelta(**ago)
    Delivery.objects.create(
        kind="tests.greeting",
        channel="tests",
        recipient="PLANTED",
        body="{}",
        due_at=due_at,
        stale_at=due_at + dt.timedelta(days=1),
    )


def test_lives_without_asking_the_database():
    # Without the db fixture a query would fail the test.
    response = get("healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


@pytest.mark.django_db
def test_is_ready():
    work_once(Stop())
    response = get("readyz")
    assert response.status_code == 200
    document = response.json()
    assert document["status"] == "ok"
    assert document["checks"]["database"] == document["checks"]["cache"] == {"status": "ok"}
    assert document["checks"]["queue"]["oldest_due_seconds"] == 0
    assert document["checks"]["queue"]["worker_seen_seconds_ago"] <= 10
    assert "no-store" in response["Cache-Control"]


@pytest.mark.django_db
def test_tells_how_far_the_queue_is_behind():
    overdue(minutes=5)
    response = get("readyz")
    assert response.status_code == 200
    assert 300 <= response.json()["checks"]["queue"]["oldest_due_seconds"] <= 310
    assert not JobRun.objects.exists()
    assert response.json()["checks"]["queue"]["worker_seen_seconds_ago"] is None


@pytest.mark.django_db
def test_is_not_ready_while_nothing_is_sent():
    overdue(minutes=16)
    response = get("readyz")
    assert response.status_code == 503
    assert response["Retry-After"]
    assert response.json()["checks"]["queue"]["status"] == "late"
    assert b"PLANTED" not in response.content


@pytest.mark.django_db
def test_tells_of_a_service_that_is_away_and_stays_ready():
    assert get("readyz").json()["checks"]["services"] == {"status": "ok"}
    now = timezone.now()
    opened_at, next_try_at = now - dt.timedelta(hours=1), now + dt.timedelta(minutes=2)
    Service.objects.create(
        name="tests", channel="tests", state="open", opened_at=opened_at, next_try_at=next_try_at
    )
    # Due for longer than a worker that runs leaves anything, were it not for that.
    overdue(minutes=40)
    Delivery.objects.update(service="tests")
    response = get("readyz")
    assert response.status_code == 200
    found = response.json()["checks"]
    assert found["queue"]["oldest_due_seconds"] == 0
    assert found["services"]["status"] == "away"
    assert 3600 <= found["services"]["away"]["tests"]["away_seconds"] <= 3605
    assert 110 <= found["services"]["away"]["tests"]["next_try_seconds"] <= 120


@pytest.mark.django_db
def test_is_not_ready_without_its_database(monkeypatch):
    def away(*args, **kwargs):
        raise OperationalError("password=PLANTED")

    monkeypatch.setattr(connection, "cursor", away)
    response = get("readyz")
    assert response.status_code == 503
    assert response.json()["checks"]["database"] == {"status": "failed"}
    assert b"PLANTED" not in response.content
    assert get("healthz").status_code == 200


@pytest.mark.django_db
def test_is_not_ready_without_its_cache(monkeypatch):
    monkeypatch.setattr(health.cache, "get", lambda key: None)
    response = get("readyz")
    assert response.status_code == 503
    assert response.json()["checks"]["cache"] == {"status": "failed"}
    assert response.json()["checks"]["database"] == {"status": "ok"}


@pytest.mark.parametrize("name", ["healthz", "readyz"])
def test_nothing_is_posted(name):
    assert Client().post(reverse(name)).status_code == 405
