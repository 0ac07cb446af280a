"""Waiting for what comes: as long as a busy machine may take, and no longer than it does."""

import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page

# For whatever a page, a worker or a mail may take on a machine that has much else to do.
PATIENCE = 45.0
PAUSE_MS = 50


def until(page: Page, script: str, patience: float = PATIENCE) -> Any:
    """What this script says in the page, once that is true. The policy forbids what Playwright's
    `wait_for_function` does, which evaluates it in the page again and again."""
    deadline = time.monotonic() + patience
    while not (said := page.evaluate(script)):
        assert time.monotonic() < deadline, f"never true: {script}"
        page.wait_for_timeout(PAUSE_MS)
    return said


def comes_to(page: Page, read: Callable[[], Any], wanted: Any) -> None:
    """Assert that what is read comes to be this."""
    deadline = time.monotonic() + PATIENCE
    while (found := read()) != wanted and time.monotonic() < deadline:
        page.wait_for_timeout(PAUSE_MS)
    assert found == wanted, f"{found!r} is not {wanted!r}"


class Clock:
    """The clock of a page, which a test moves on: what the page asks of the portal meanwhile is answered."""

    def __init__(self, page: Page) -> None:
        """It goes like any other at first."""
        self.page = page
        self.unanswered = 0
        page.clock.install()
        page.on("request", lambda request: self._count(1))
        page.on("requestfinished", lambda request: self._count(-1))
        page.on("requestfailed", lambda request: self._count(-1))

    def _count(self, change: int) -> None:
        self.unanswered += change

    def stop(self) -> None:
        # A little ahead: it goes on while it is asked.
        self.page.clock.pause_at(self.page.evaluate("Date.now()") / 1000 + 10)
        self._settle()

    def pass_by(self, seconds: float) -> None:
        for _ in range(round(seconds * 4)):
            self.page.clock.run_for(250)
            self._settle()

    def go_on(self) -> None:
        self.page.clock.resume()

    def _settle(self) -> None:
        deadline = time.monotonic() + PATIENCE
        self.page.evaluate("0")
        while self.unanswered > 0:
            assert time.monotonic() < deadline, f"{self.unanswered} requests are not answered"
            self.page.wait_for_timeout(10)
        self.page.evaluate("0")
