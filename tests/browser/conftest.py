"""A browser, and a portal for it; see `tests.browser.portal`."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from xdist.scheduler import LoadScopeScheduling

from tests.browser import components
from tests.browser.portal import BASE_DIR, PASSWORD, Databases, Portal, Renewed, running
from tests.browser.waiting import PATIENCE

# Playwright's synchronous interface keeps an event loop in this thread, which Django takes for async code.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

expect.set_options(timeout=PATIENCE * 1000)

SCREENSHOTS = BASE_DIR / "var" / "screenshots"
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


HERE = Path(__file__).parent
# Share a portal of their own: one process runs all of a file, and first, for they take longest.
TOGETHER = ("test_hostile_text.py", "test_web_push.py")
REPORTS = pytest.StashKey[dict[str, pytest.TestReport]]()


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.browser)


class Shares(LoadScopeScheduling):
    """Each test goes to whichever process is free."""

    def _split_scope(self, nodeid: str) -> str:
        return next((file for file in TOGETHER if file in nodeid), nodeid)


def pytest_xdist_make_scheduler(config, log):
    return Shares(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    item.stash.setdefault(REPORTS, {})[report.when] = report
    return report


@pytest.fixture(scope="session")
def databases(tmp_path_factory) -> Databases:
    """The demonstration data, in a database to copy: one for all processes of the run."""
    server = os.environ.get("DATABASE_URL", "")
    base = tmp_path_factory.getbasetemp()
    run = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    return Databases(run / "databases", server if server.startswith("postgres") else "")


@pytest.fixture(scope="session")
def renewed(databases, tmp_path_factory) -> Iterator[Renewed]:
    handed_on = Renewed(databases, tmp_path_factory.mktemp("portal"))
    yield handed_on
    handed_on.stop()


@pytest.fixture
def portal(databases, request, tmp_path) -> Iterator[Portal]:
    """A portal that this test may change as it likes."""
    if databases.server:
        with running(databases, tmp_path / "portal") as portal:
            yield portal
    else:
        yield request.getfixturevalue("renewed").get()


@pytest.fixture(scope="session")
def shared_portal(databases, tmp_path_factory) -> Iterator[Portal]:
    """One portal for all tests that only look."""
    with running(databases, tmp_path_factory.mktemp("shared-portal")) as portal:
        yield portal


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=components.windowless(), args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


class Console:
    """What the browser complained of: script errors, failed loads, policy violations."""

    def __init__(self) -> None:
        self.complaints: list[str] = []
        self.expected: list[str] = []

    def expect(self, pattern: str) -> None:
        """Let complaints that match this pattern pass."""
        self.expected.append(pattern)

    def watch(self, context: BrowserContext) -> None:
        context.on(
            "console",
            lambda message: (
                message.type == "error"
                and self.complaints.append(f"{message.text} ({message.location.get('url', '')})")
            ),
        )
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))

    def unexpected(self) -> list[str]:
        return [
            text for text in self.complaints if not any(re.search(pattern, text) for pattern in self.expected)
        ]


@pytest.fixture
def console() -> Console:
    return Console()


@pytest.fixture
def new_page(browser, console, request) -> Iterator[Callable[..., Page]]:
    """Open a page in a browser profile of its own: `new_page(java_script_enabled=False)`."""
    contexts: list[BrowserContext] = []

    def open_page(**options) -> Page:
        context = browser.new_context(
            **{"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce", **options}
        )
        context.set_default_timeout(PATIENCE * 1000)
        console.watch(context)
        contexts.append(context)
        return context.new_page()

    yield open_page
    failed = any(report.failed for report in request.node.stash.get(REPORTS, {}).values())
    complaints = console.unexpected()
    for number, context in enumerate(contexts):
        if failed or complaints:
            _screenshot(context, request.node.name, number)
    # And those that tests open by themselves: a page that nobody looks at goes on asking.
    for context in list(browser.contexts):
        context.close()
    assert complaints == []


@pytest.fixture
def page(new_page) -> Page:
    """A desktop browser's page with script."""
    return new_page()


def _screenshot(context: BrowserContext, test: str, number: int) -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^\w-]+", "-", test)
    for index, page in enumerate(context.pages):
        page.screenshot(path=Path(SCREENSHOTS, f"{name}-{number}-{index}.png"), full_page=True)


@pytest.fixture
def sign_in() -> Callable[[Page, Portal, str], None]:
    """`sign_in(page, portal, "solo@demo.example")`, through the form that people use."""

    def through_the_form(page: Page, portal: Portal, email: str) -> None:
        page.goto(f"{portal.url}/accounts/login/")
        page.fill("input[name=login]", email)
        page.fill("input[name=password]", PASSWORD)
        page.get_by_role("main").get_by_role("button", name="Sign In").click()
        page.wait_for_url(f"{portal.url}/")

    return through_the_form
