"""Workers in processes of their own, with a channel that writes down what it sends."""

import os
import time
from pathlib import Path

from medimic.outbox import lanes, registry, worker


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


def work(path: str, seconds: str) -> None:
    registry.register_channel("tests", Journal(path, float(seconds)))
    # None of the portal's: this is about deliveries.
    registry._jobs.clear()
    lanes.REST_SECONDS = 0.05
    stop = worker.Stop()
    stop.listen()
    print("ready", flush=True)
    worker.work(stop)
    print("stopped", flush=True)
