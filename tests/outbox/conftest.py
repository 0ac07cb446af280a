"""Channels and guards that live for one test."""

import pytest
from django.db import transaction

from medimic.outbox import registry
from medimic.outbox.delivering import attempt, finish
from medimic.outbox.models import Delivery
from medimic.outbox.queue import enqueue
from medimic.outbox.taking import take


class Recorder:
    """A channel that keeps what it is handed, or raises what it is told to."""

    def __init__(self) -> None:
        self.sent = []
        self.error = None

    def send(self, message) -> None:
        if self.error:
            raise self.error
        self.sent.append(message)

    def masked(self, recipient: str) -> str:
        return recipient[:2] + "…"


@pytest.fixture
def channel(monkeypatch) -> Recorder:
    """The channel "tests"."""
    recorder = Recorder()
    monkeypatch.setitem(registry._channels, "tests", recorder)
    return recorder


@pytest.fixture
def put(channel, db):
    """Enqueue a message of the channel "tests"."""

    def put_(kind="tests.greeting", recipient="somebody", **options) -> Delivery:
        with transaction.atomic():
            return enqueue(
                kind, channel="tests", recipient=recipient, body={"text": "PLANTED-BODY"}, **options
            )

    return put_


@pytest.fixture
def deliver():
    """One attempt at the delivery that is due."""

    def deliver_() -> None:
        taken = take()
        assert taken, "nothing is due"
        finish(taken, attempt(taken))

    return deliver_
