"""The worker: a lane for each channel with a lookout for all, and one for the jobs, until asked to stop."""

import os
import select
import signal
import threading
from types import FrameType

from medimic.outbox import delivering, jobs, lanes, registry, taking
from medimic.outbox.lanes import Lane

# How soon a lane that ended by itself is noticed.
LOOK_SECONDS = 5.0


class Stop:
    """Asked for by SIGTERM or SIGINT; rests end at once then, deliveries are brought to their end."""

    def __init__(self) -> None:
        self.is_asked = False
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)

    def listen(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def ask(self) -> None:
        self.is_asked = True
        # Never read, so that whoever waits, in any thread, sees it.
        os.write(self._writer, b"!")

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.ask()

    def wait(self, seconds: float) -> None:
        select.select([self._reader], [], [], seconds)


def work(stop: Stop) -> None:
    """Until asked to stop. Raises `RuntimeError` where a lane is no more: whoever started the worker
    starts it anew."""
    alongside = [Lane(channel, stop) for channel in registry.channel_names()]
    threads = [thread for lane in alongside for thread in lane.threads()]
    threads.append(threading.Thread(target=lanes.keep_lookout, args=[stop, alongside], name="lookout"))
    threads.append(threading.Thread(target=_run_jobs, args=[stop], name="jobs"))
    for thread in threads:
        thread.start()
    try:
        while not stop.is_asked and all(thread.is_alive() for thread in threads):
            stop.wait(LOOK_SECONDS)
        if not stop.is_asked:
            raise RuntimeError("a lane of the worker has ended by itself")
    finally:
        stop.ask()
        for lane in alongside:
            lane.wake()
        for thread in threads:
            thread.join()


def work_once(stop: Stop) -> None:
    """What is due now, and no more."""
    jobs.prepare()
    while not stop.is_asked and (jobs.run_next() or deliver_next(stop)):
        pass


def deliver_next(stop: Stop) -> bool:
    """Take up and send one delivery; False where none is due."""
    for channel in registry.channel_names():
        if batch := taking.take_batch(channel, most=1):
            outcome = delivering.attempt(batch.taken[0])
            lanes.note(stop, batch.taken[0], outcome)
            lanes.tell_breaker(batch, outcome)
            return True
    return False


def _run_jobs(stop: Stop) -> None:
    has_prepared = False

    def step() -> bool:
        nonlocal has_prepared
        if not has_prepared:
            jobs.prepare()
            has_prepared = True
        return jobs.run_next()

    lanes.keep_at(stop, step, lambda: stop.wait(lanes.REST_SECONDS))
