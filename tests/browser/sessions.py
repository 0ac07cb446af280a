"""People in a session, each in a browser of their own."""

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.portal import Portal
from tests.browser.waiting import comes_to

# Has as many places for devices as they like.
HOST = "admin@hospital.example"
HOST_NAME = "Helena Drosswick"
NAME = "Morning round"
# Longer than a page waits between two questions, on a busy machine.
TURN = 45_000
# What a browser says of answers that tell somebody that they are no longer in, and of no network.
OVER = r"status of (401|404|409|410)"
NO_NETWORK = r"ERR_INTERNET_DISCONNECTED|ERR_ABORTED|ERR_FAILED"


def start_session(page: Page, portal: Portal, name: str = NAME, *, mode: str = "Two-Device") -> str:
    """Start one in this browser; its code, once the page can write."""
    page.goto(f"{portal.url}/sessions/new/")
    page.get_by_label("Session Name").fill(name)
    page.get_by_label(mode).check()
    page.get_by_role("button", name="Start session").click()
    page.wait_for_url(re.compile(r"/sessions/[0-9a-f-]{36}/$"))
    expect(field(page)).to_be_enabled(timeout=TURN)
    return page.locator("#join-code").inner_text()


def ask_in(page: Page, portal: Portal, code: str, name: str = "Anna Kowalska") -> None:
    """Join as a guest, up to the room where one waits."""
    page.goto(f"{portal.url}/join/")
    page.get_by_label("Session Code").fill(code)
    page.get_by_label("Your name").fill(name)
    page.get_by_role("button", name="Ask to come in").click()
    page.get_by_role("heading", name="Waiting to be let in").wait_for()


def digits(page: Page) -> str:
    """The six digits on a screen: the host's or the joiner's."""
    place = page.locator("[data-digits]:visible")
    expect(place).to_have_text(re.compile(r"^\d{3} \d{3}$"), timeout=TURN)
    return place.inner_text()


def agree(guest: Page) -> None:
    """The joiner's own word that both screens show the same; nothing is written before it."""
    guest.get_by_role("button", name="They are the same").click()
    expect(guest.get_by_role("button", name="They are the same")).to_be_hidden(timeout=TURN)


def admit(host: Page) -> None:
    host.get_by_role("button", name="Admit").click()
    expect(host.get_by_role("button", name="Admit")).to_have_count(0, timeout=TURN)


def meet(host: Page, guest: Page, portal: Portal, **options: str) -> None:
    """A session with a guest in it."""
    code = start_session(host, portal, **options)
    ask_in(guest, portal, code)
    assert digits(host) == digits(guest)
    agree(guest)
    admit(host)
    expect(field(guest)).to_be_enabled(timeout=TURN)


def field(page: Page) -> Locator:
    return page.locator("[data-words]")


def say(page: Page, text: str) -> None:
    field(page).fill(text)
    field(page).press("Enter")


def part(page: Page, text: str) -> Locator:
    """One message, wherever it stands."""
    return page.locator("[data-parts] > li").filter(has_text=text)


def sent(page: Page, text: str) -> None:
    """Wait until the server has it, as the page tells."""
    expect(part(page, text).get_by_text("Sent", exact=True)).to_be_visible(timeout=TURN)


def reads(page: Page, *wanted: str) -> None:
    """Assert that this, and no more, comes to be what is to be read."""
    comes_to(page, lambda: texts(page), list(wanted))


def texts(page: Page) -> list[str]:
    """What is to be read just now."""
    return page.locator("[data-parts] [data-text]").all_inner_texts()


def end(host: Page) -> None:
    """End it, and wait until its transcript is open."""
    host.get_by_role("link", name="End session").click()
    host.get_by_role("dialog").get_by_role("button", name="End session").click()
    host.locator("[data-transcript]").wait_for(timeout=TURN)
    expect(host.locator("[data-locked]")).to_be_hidden(timeout=TURN)
