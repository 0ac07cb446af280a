"""Tokens that are good for a while: made once, and used until shortly before they end."""

import threading
import time
from collections.abc import Callable

MOST = 100
now = time.time


class Kept:
    """What `make` gave, for each key, until the instant that it named; one thread makes at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: dict[object, tuple[str, float]] = {}

    def get(self, key: object, make: Callable[[], tuple[str, float]]) -> str:
        """`make` returns a token and until when (in seconds of the epoch) it may be used."""
        with self._lock:
            token, until = self._values.get(key, ("", 0.0))
            if now() >= until:
                token, until = make()
                if len(self._values) >= MOST:
                    self._values.clear()
                self._values[key] = (token, until)
            return token

    def drop(self, key: object, token: str) -> None:
        """Forget one that was refused, unless somebody has a fresh one already."""
        with self._lock:
            if self._values.get(key, ("", 0.0))[0] == token:
                del self._values[key]

    def clear(self) -> None:
        with self._lock:
            self._values.clear()
