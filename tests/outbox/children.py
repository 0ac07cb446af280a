"""Workers in processes of their own, with a channel that writes down what it sends."""

import datetime as dt
import os
import signal
import sys
import time
from pathlib import Path

from medimic.outbox import lanes, registry, taking, worker


class Journal:
    """One line per message, written at once."""

    def __init__(self, path: str, seconds: float) -> None:
        self.path = Path(path)
        self.seconds = seconds

    def send(self, message: registry.Message) -> None:
        with self.path.open("a") as file:
            file.write(f"{message.id} {os.getpid()}\n")
        time.sleep(self.seconds)

    def masked(self, recipient: str) -> str:
        return "…"


def work(path: str, seconds: str, lease: str = "") -> None:
    registry.register_channel("tests", Journal(path, float(seconds)))
    # None of the portal's: this is about deliveries.
    registry._jobs.clear()
    lanes.REST_SECONDS = 0.05
    if lease:
        taking.LEASE, lanes.BATCH_SECONDS = dt.timedelta(seconds=float(lease)), float(lease) / 2
    stop = worker.Stop()
    stop.listen()
    print("ready", flush=True)
    worker.work(stop)
    print("stopped", flush=True)


def breed(path: str, seconds: str, lease: str) -> None:
    """A worker for each line of the standard input, its process id on the output: forked, since
    starting one from nothing takes longer than what it is to do."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for _line in sys.stdin:
        if child := os.fork():
            print(child, flush=True)
            continue
        sys.stdout = open(os.devnull, "w")
        work(path, seconds, lease)
        return
