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
    assert found == wanted
