"""The worker's loop: due jobs, then due deliveries, then a rest."""

import logging
import os
import select
import signal
from types import FrameType

from django.db import Error as DatabaseFailure
from django.db import close_old_connections, connection

from medimic.outbox import delivering, jobs

logger = logging.getLogger(__name__)

REST_SECONDS = 1.0
FIRST_OUTAGE_SECONDS = 0.5
LONGEST_OUTAGE_SECONDS = 15.0


class Stop:
    """Asked for by SIGTERM or SIGINT; a rest ends at once then, a delivery is brought to its end."""

    def __init__(self) -> None:
        self.is_asked = False
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)

    def listen(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.is_asked = True
        os.write(self._writer, b"!")

    def wait(self, seconds: float) -> None:
        select.select([self._reader], [], [], seconds)


def work(stop: Stop) -> None:
    """Until asked to stop. Waits for a database that is away, longer each time."""
    outages = 0
    has_prepared = False
    while not stop.is_asked:
        try:
            close_old_connections()
            if not has_prepared:
                jobs.prepare()
                has_prepared = True
            is_busy = jobs.run_next() or deliver_next(stop)
            outages = 0
        except DatabaseFailure as failure:
            _wait_out(stop, outages, failure)
            outages += 1
            continue
        if not is_busy:
            stop.wait(REST_SECONDS)


def work_once(stop: Stop) -> None:
    """What is due now, and no more."""
    jobs.prepare()
    while not stop.is_asked and (jobs.run_next() or deliver_next(stop)):
        pass


def deliver_next(stop: Stop) -> bool:
    """Take up and send one delivery; False where none is due."""
    taken = delivering.take()
    if taken is None:
        return False
    outcome = delivering.attempt(taken)
    # It may have been sent: should the database be away just now, noting that is worth waiting
    # for, or it is sent once more.
    for outages in range(1000):
        try:
            delivering.finish(taken, outcome)
            break
        except DatabaseFailure as failure:
            if stop.is_asked:
                raise
            _wait_out(stop, outages, failure)
    return True


def _wait_out(stop: Stop, outages: int, failure: DatabaseFailure) -> None:
    logger.log(
        logging.ERROR if outages == 0 else logging.DEBUG, "the database is away: %s", type(failure).__name__
    )
    connection.close()
    stop.wait(min(FIRST_OUTAGE_SECONDS * 2 ** min(outages, 10), LONGEST_OUTAGE_SECONDS))
