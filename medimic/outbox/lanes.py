"""The worker's lanes: one for each channel, so that no channel waits for another.

A lane has a few threads, its senders. One lookout for all of them sees which channels have something
waiting, and calls the first sender of those; the others help while there is more. A service that is
slow gets one sender alone: the others go on with the rest.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import Protocol

from django.db import Error as DatabaseFailure
from django.db import close_old_connections, connection

from medimic.outbox import backlog, breaker, delivering, registry, taking
from medimic.outbox.delivering import Outcome
from medimic.outbox.taking import Batch, Taken

logger = logging.getLogger(__name__)

REST_SECONDS = 1.0
FIRST_OUTAGE_SECONDS = 0.5
LONGEST_OUTAGE_SECONDS = 15.0
# What takes longer than that is not quick.
QUICK_SECONDS = 1.0
# With the longest that a channel takes for one delivery it stays below the lease.
BATCH_SECONDS = 60.0


class Asked(Protocol):
    """What a worker is stopped by."""

    is_asked: bool

    def wait(self, seconds: float) -> None: ...


def keep_at(stop: Asked, step: Callable[[], bool], rest: Callable[[], None]) -> None:
    """Call `step` until asked to stop, and `rest` when it found nothing to do. Waits for a database
    that is away, longer each time; whatever else goes wrong is said, and tried again."""
    outages = 0
    try:
        while not stop.is_asked:
            try:
                close_old_connections()
                is_busy = step()
                outages = 0
            except Exception as failure:
                wait_out(stop, outages, failure)
                outages += 1
                continue
            if not is_busy:
                rest()
    finally:
        connection.close()


def wait_out(stop: Asked, outages: int, failure: Exception) -> None:
    """The text of a failure may quote a message: its type alone is told."""
    what = "the database is away" if isinstance(failure, DatabaseFailure) else "the worker failed"
    logger.log(logging.ERROR if outages == 0 else logging.DEBUG, "%s: %s", what, type(failure).__name__)
    connection.close()
    stop.wait(min(FIRST_OUTAGE_SECONDS * 2 ** min(outages, 10), LONGEST_OUTAGE_SECONDS))


class Lane:
    """One channel's deliveries in this process."""

    def __init__(self, channel: str, stop: Asked) -> None:
        self.channel = channel
        self.stop = stop
        self._lock = threading.Lock()
        # Which service each sender is at, and since when.
        self._held: dict[int, tuple[str, float]] = {}
        # The services that took their last one quickly.
        self._quick: set[str] = set()
        self._has_more = threading.Event()
        self._is_called = threading.Event()

    def threads(self) -> list[threading.Thread]:
        """Its senders, to be started."""
        others = registry.senders(self.channel) - 1
        return [threading.Thread(target=self._lead, name=self.channel)] + [
            threading.Thread(target=self._help, name=f"{self.channel}-{n}") for n in range(1, others + 1)
        ]

    def call(self) -> None:
        """Something waits."""
        self._is_called.set()

    def wake(self) -> None:
        """So that whoever rests sees that all is over."""
        self._is_called.set()
        self._has_more.set()

    def deliver(self) -> bool:
        """Take a few up and send them; False where none is due."""
        batch = taking.take_batch(self.channel, busy=self._busy())
        if batch is None:
            return False
        self._has_more.set()
        self._send(batch)
        return True

    def _lead(self) -> None:
        keep_at(self.stop, self.deliver, self._rest)

    def _rest(self) -> None:
        self._is_called.wait()
        self._is_called.clear()

    def _help(self) -> None:
        keep_at(self.stop, self._help_out, self._has_more.clear)

    def _help_out(self) -> bool:
        # Without asking the database while there is nothing to do for the first one either.
        while not self._has_more.wait(REST_SECONDS):
            if self._held:
                break
        return not self.stop.is_asked and self.deliver()

    def _send(self, batch: Batch) -> None:
        ends = time.monotonic() + BATCH_SECONDS
        for number, taken in enumerate(batch.taken):
            is_ours = not self.stop.is_asked and time.monotonic() < ends and self._hold(batch.service)
            if not is_ours:
                taking.give_back(batch.taken[number:])
                return
            try:
                goes_on = self._deliver_one(batch, taken)
            finally:
                self._leave()
            if not goes_on:
                taking.give_back(batch.taken[number + 1 :])
                return

    def _deliver_one(self, batch: Batch, taken: Taken) -> bool:
        """False where the rest of the batch had better wait."""
        outcome = delivering.attempt(taken)
        note(self.stop, taken, outcome)
        return tell_breaker(batch, outcome)

    def _busy(self) -> set[str]:
        """Where another sender is, and a second one might be kept as well."""
        with self._lock:
            return {service for service, since in self._others() if not self._is_quick(service, since)}

    def _hold(self, service: str) -> bool:
        """Go to a service; False where another one is there, and it is not known to be quick."""
        with self._lock:
            others = [since for held, since in self._others() if held == service]
            if not all(self._is_quick(service, since) for since in others):
                return False
            self._held[threading.get_ident()] = (service, time.monotonic())
            return True

    def _leave(self) -> None:
        with self._lock:
            service, since = self._held.pop(threading.get_ident())
            if time.monotonic() - since > QUICK_SECONDS:
                self._quick.discard(service)
            else:
                self._quick.add(service)

    def _others(self) -> list[tuple[str, float]]:
        return [held for thread, held in self._held.items() if thread != threading.get_ident()]

    def _is_quick(self, service: str, since: float) -> bool:
        return service in self._quick and time.monotonic() - since <= QUICK_SECONDS


def keep_lookout(stop: Asked, lanes: Iterable[Lane]) -> None:
    """Ask for all lanes at once what waits: an idle worker costs one small query a second."""

    def look() -> bool:
        waited_for = backlog.channels_waited_for()
        for lane in lanes:
            if lane.channel in waited_for:
                lane.call()
        return False

    keep_at(stop, look, lambda: stop.wait(REST_SECONDS))


def note(stop: Asked, taken: Taken, outcome: Outcome) -> None:
    """It may have been sent: should the database be away just now, noting that is worth waiting
    for, or it is sent once more."""
    for outages in range(1000):
        try:
            delivering.finish(taken, outcome)
            return
        except DatabaseFailure as failure:
            if stop.is_asked:
                raise
            wait_out(stop, outages, failure)


def tell_breaker(batch: Batch, outcome: Outcome) -> bool:
    """Count it. False where the service is away now, as far as is known."""
    if outcome.is_reached is None:
        if batch.is_trial:
            breaker.undecided(batch.service)
        return True
    if outcome.is_reached:
        if batch.has_failures:
            breaker.reached(batch.service)
            batch.has_failures = False
        return True
    batch.has_failures = True
    return not breaker.missed(batch.service, channel=batch.channel, error=outcome.error, after=outcome.after)
