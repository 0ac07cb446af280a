"""Codes cannot be guessed: bounded for each address and account, and told when many try."""

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client

from medimic.audit.models import AuditEvent
from sessions_app import guessing
from tests.sessions_app.room import access_token, join, start

pytestmark = pytest.mark.django_db
WRONG = "XXXXXX"


@pytest.fixture(autouse=True)
def _forgotten():
    cache.clear()
    yield
    cache.clear()


def at(monkeypatch, seconds):
    """The clock of the guard alone: the cache's own goes on."""
    now = time.time()
    monkeypatch.setattr(guessing.time, "time", lambda: now + seconds)


def from_address(address):
    return Client(REMOTE_ADDR=address)


def guess(code=WRONG, address="203.0.113.9", **fields):
    return join(code, client=from_address(address), **fields)


class TestAnAddress:
    def test_guesses_ten_times_and_then_waits(self, phone):
        code = start(phone).visit.code
        assert {guess().status_code for _ in range(guessing.MOST)} == {404}
        refused = guess(code)
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_guesses")
        assert 0 < int(refused["Retry-After"]) <= guessing.SECONDS

    def test_may_go_on_when_the_first_failure_is_forgotten(self, phone, monkeypatch):
        code = start(phone).visit.code
        for _ in range(guessing.MOST):
            guess()
        wait = int(guess()["Retry-After"])
        at(monkeypatch, wait + 1)
        assert guess(code).status_code == 201

    def test_others_go_on_meanwhile(self, phone):
        code = start(phone).visit.code
        for _ in range(guessing.MOST + 1):
            guess()
        assert guess(code, "203.0.113.10").status_code == 201

    def test_a_right_code_in_between_forgives_nothing(self, phone):
        code = start(phone).visit.code
        for _ in range(guessing.MOST - 1):
            guess()
        assert guess(code).status_code == 201
        guess()
        assert guess(code).status_code == 429

    def test_forging_the_header_of_a_proxy_changes_nothing(self, phone, settings):
        settings.TRUSTED_PROXY_COUNT = 0
        for number in range(guessing.MOST + 1):
            forged = Client(REMOTE_ADDR="203.0.113.9", headers={"X-Forwarded-For": f"198.51.100.{number}"})
            answer = join(WRONG, client=forged)
        assert answer.status_code == 429

    def test_of_one_ipv6_network_are_one(self):
        for number in range(guessing.MOST):
            guess(address=f"2001:db8:1:2::{number:x}")
        assert guess(address="2001:db8:1:2:ffff::1").status_code == 429
        assert guess(address="2001:db8:1:3::1").status_code == 404

    def test_of_which_nothing_is_kept_in_plain_text(self):
        guess(address="203.0.113.77")
        with connection.cursor() as cursor:
            cursor.execute("SELECT cache_key, value FROM medimic_cache")
            kept = repr(cursor.fetchall())
        assert "guess:" in kept
        assert "203.0.113.77" not in kept


class TestAnAccount:
    def test_is_bounded_from_whatever_address(self, phone, tablet):
        code, token = start(phone).visit.code, access_token(tablet)
        for number in range(guessing.MOST):
            assert guess(address=f"203.0.113.{number}", token=token).status_code == 404
        assert guess(code, "203.0.113.200", token=token).status_code == 429


class TestFromEverywhere:
    @pytest.fixture
    def storm(self, monkeypatch):
        monkeypatch.setattr(guessing, "MANY", 8)
        for number in range(8):
            guess(address=f"198.51.100.{number}")

    def test_a_right_code_from_an_address_without_failures_is_never_refused(self, storm, phone):
        assert guess(start(phone).visit.code).status_code == 201

    def test_who_failed_before_is_held_to_less(self, storm, phone):
        code = start(phone).visit.code
        for _ in range(guessing.FEW):
            assert guess().status_code == 404
        assert guess(code).status_code == 429

    def test_is_told_once(self, storm, caplog):
        with caplog.at_level(logging.WARNING, "sessions_app.guessing"):
            for number in range(20):
                guess(address=f"198.51.101.{number}")
        assert not caplog.records
        event = AuditEvent.objects.get(kind="sessions.codes_guessed")
        assert (event.person_id, event.address) == (None, "")

    def test_is_told_in_the_server_s_log(self, monkeypatch, caplog):
        monkeypatch.setattr(guessing, "MANY", 2)
        with caplog.at_level(logging.WARNING, "sessions_app.guessing"):
            for number in range(3):
                guess(address=f"198.51.100.{number}")
        assert [record.getMessage() for record in caplog.records] == [
            "2 join codes were wrong within 600 seconds"
        ]


@pytest.mark.django_db(transaction=True)
def test_fifty_failures_at_once_count_as_ten():
    """Counted by reading and writing, they would count as few."""
    barrier = threading.Barrier(50)

    def fail(_):
        try:
            barrier.wait()
            guessing.failed(guessing.SYSTEM, None)
        finally:
            connection.close()

    with ThreadPoolExecutor(50) as pool:
        list(pool.map(fail, range(50)))
    subject = next(guessing._subjects(guessing.SYSTEM, None))
    assert len(guessing._taken(subject)) == guessing.MOST
