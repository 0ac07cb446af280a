"""A transcript's key goes from one browser of a person to another, with six digits compared on both."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.sessions import HOST, NAME, TURN, digits, end, say, sent, start_session

LOCKED = "[Encrypted — key not available on this device]"


@pytest.fixture
def ended(new_page, portal, sign_in) -> tuple[Page, str]:
    """A browser that can open a session's transcript, and the address of that."""
    page = new_page()
    sign_in(page, portal, HOST)
    start_session(page, portal)
    address = page.url
    say(page, "A finding.")
    sent(page, "A finding.")
    end(page)
    return page, address


@pytest.fixture
def other(new_page, portal, sign_in, console, ended) -> Page:
    """Another browser of the same person, at the transcript that it cannot open."""
    # There is no envelope for it.
    console.expect("status of 404")
    page = new_page()
    sign_in(page, portal, HOST)
    page.goto(ended[1])
    return page


def ask(page: Page) -> None:
    page.get_by_role("link", name="Ask another device for the key").click()
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator("[data-stage=waiting]")).to_be_visible(timeout=TURN)


def answer(page: Page, portal) -> None:
    page.goto(portal.url)
    page.get_by_role("link", name="Compare digits and answer").click()
    page.get_by_role("button", name="Compare digits").click()


def test_without_the_key_it_says_so_and_with_it_it_opens(ended, other, portal):
    first, _address = ended
    expect(other.get_by_text(LOCKED, exact=True)).to_be_visible()
    expect(other.locator("body")).not_to_contain_text("A finding.")

    ask(other)
    expect(other.get_by_text(f"Only {NAME}")).to_be_hidden()
    answer(first, portal)
    assert digits(first) == digits(other)
    other.get_by_role("button", name="They are the same").click()
    first.get_by_role("button", name="Hand the keys over").click()
    expect(first.locator("[data-say]")).to_have_text("Done: 1 keys are carried over.", timeout=TURN)
    expect(other.locator("[data-received]")).to_contain_text("1", timeout=TURN)
    other.get_by_role("link", name="Read the transcript").click()

    expect(other.locator("[data-parts]")).to_contain_text("A finding.", timeout=TURN)
    expect(other.get_by_text(LOCKED, exact=True)).to_be_hidden()
    expect(other.locator("[data-warnings]")).to_be_empty()
    other.reload()
    expect(other.locator("[data-parts]")).to_contain_text("A finding.", timeout=TURN)


def test_keys_that_nobody_confirmed_here_open_nothing(ended, other, portal):
    """Approved on the other screen alone: a server could have asked itself."""
    first, address = ended
    ask(other)
    answer(first, portal)
    digits(other)
    first.get_by_role("button", name="Hand the keys over").click()
    expect(first.locator("[data-say]")).to_have_text("Done: 1 keys are carried over.", timeout=TURN)
    other.goto(address)
    expect(other.get_by_role("link", name="Ask another device for the key")).to_be_visible(timeout=TURN)
    expect(other.get_by_text(LOCKED, exact=True)).to_be_visible()


def test_where_the_digits_differ_nothing_is_handed_over(ended, other, portal):
    first, address = ended
    ask(other)
    answer(first, portal)
    digits(other)
    other.get_by_role("button", name="They differ").click()
    expect(other.locator("[data-stage=exchanged]")).to_be_visible(timeout=TURN)
    expect(first.get_by_role("button", name="Hand the keys over")).to_have_count(0, timeout=TURN)
    other.goto(address)
    expect(other.get_by_role("link", name="Ask another device for the key")).to_be_visible(timeout=TURN)


def test_a_refusal_is_told(ended, other, portal):
    first, _address = ended
    ask(other)
    answer(first, portal)
    digits(first)
    first.get_by_role("button", name="Refuse").click()
    expect(other.locator("[data-stage=refused]")).to_be_visible(timeout=TURN)
    other.get_by_role("button", name="Ask again").click()
    expect(other.get_by_role("button", name="Ask", exact=True)).to_be_visible()


def test_a_withdrawn_request_is_gone_from_the_other_screen(ended, other, portal):
    first, _address = ended
    ask(other)
    first.goto(f"{portal.url}/settings/devices/keys/")
    expect(first.get_by_role("button", name="Compare digits")).to_be_visible(timeout=TURN)
    other.get_by_role("button", name="Withdraw the request").click()
    expect(first.get_by_role("button", name="Compare digits")).to_have_count(0, timeout=TURN)


def test_a_reload_in_between_goes_on(ended, other, portal):
    first, address = ended
    ask(other)
    other.reload()
    answer(first, portal)
    shown = digits(other)
    first.reload()
    other.reload()
    assert shown == digits(first) == digits(other)
    other.get_by_role("button", name="They are the same").click()
    first.get_by_role("button", name="Hand the keys over").click()
    expect(other.locator("[data-received]")).to_be_visible(timeout=TURN)
    other.goto(address)
    expect(other.locator("[data-parts]")).to_contain_text("A finding.", timeout=TURN)


def test_all_keys_at_once(ended, other, portal):
    first, address = ended
    for number in range(3):
        start_session(first, portal, f"Session {number}")
        say(first, f"Words of {number}.")
        sent(first, f"Words of {number}.")
        end(first)
    last = first.url
    other.goto(f"{portal.url}/settings/devices/keys/")
    other.get_by_role("button", name="Ask", exact=True).click()
    expect(other.locator("[data-stage=waiting]")).to_be_visible(timeout=TURN)
    answer(first, portal)
    assert digits(first) == digits(other)
    other.get_by_role("button", name="They are the same").click()
    first.get_by_role("button", name="Hand the keys over").click()
    expect(first.locator("[data-say]")).to_have_text("Done: 4 keys are carried over.", timeout=TURN)
    for place, words in ((address, "A finding."), (last, "Words of 2.")):
        other.goto(place)
        expect(other.locator("[data-parts]")).to_contain_text(words, timeout=TURN)
