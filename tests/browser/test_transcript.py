"""A transcript on the page of a session that is over: whole, tampered with, late, and without its key."""

import re
import sqlite3

import pytest
from playwright.sync_api import Page, expect

from tests.browser.portal import Portal
from tests.browser.sessions import (
    HOST,
    NO_NETWORK,
    TURN,
    end,
    field,
    part,
    reads,
    say,
    sent,
    start_session,
    texts,
)

WORDS = ["First.", "Second.", "Third."]
WARNINGS = "[data-warnings]"


def change(portal: Portal, page: Page, statement: str, *values: object) -> int:
    """Change the segments of the session on this page, as whoever holds the database can."""
    url = portal.environment["DATABASE_URL"]
    if not url.startswith("sqlite"):
        pytest.skip("reaches into the database's file")
    session = re.search(r"/sessions/([0-9a-f-]{36})/", page.url)[1].replace("-", "")
    with sqlite3.connect(url.removeprefix("sqlite:///"), timeout=30) as connection:
        return connection.execute(f"{statement} AND visit_id = ?", (*values, session)).rowcount


@pytest.fixture
def transcript(page, portal, sign_in) -> Page:
    """Three messages and the host's last word."""
    sign_in(page, portal, HOST)
    start_session(page, portal)
    for text in WORDS:
        say(page, text)
    sent(page, WORDS[-1])
    end(page)
    expect(page.locator("[data-parts] > li")).to_have_count(3)
    return page


def reread(page: Page) -> None:
    page.reload()
    expect(page.locator("[data-locked]")).to_be_hidden(timeout=TURN)


def test_whole_it_says_nothing_but_what_was_said(transcript):
    reads(transcript, *WORDS)
    expect(transcript.locator(WARNINGS)).to_be_empty()
    reread(transcript)
    reads(transcript, *WORDS)


def test_a_changed_part_is_said_to_be_changed_and_not_shown(transcript, portal):
    flipped = "UPDATE sessions_app_segment SET ciphertext = zeroblob(length(ciphertext)) WHERE sequence = 2"
    assert change(portal, transcript, flipped) == 1
    reread(transcript)
    expect(transcript.locator(WARNINGS)).to_contain_text("was changed or does not belong here")
    reads(transcript, "First.", "This part was changed or does not belong here.", "Third.")


def test_a_part_that_is_cut_out_is_missed(transcript, portal):
    assert change(portal, transcript, "DELETE FROM sessions_app_segment WHERE sequence = 2") == 1
    reread(transcript)
    expect(transcript.locator(WARNINGS)).to_contain_text("Parts of this transcript are missing.")
    expect(part(transcript, "Third.")).to_contain_text("Parts are missing here.")


def test_an_end_that_is_cut_off_is_missed(transcript, portal):
    assert change(portal, transcript, "DELETE FROM sessions_app_segment WHERE sequence >= 3") == 2
    # Another browser of the host would not know; this one does, and says so, too.
    reread(transcript)
    expect(transcript.locator(WARNINGS)).to_contain_text("The end of this transcript could not be confirmed.")


def test_parts_that_changed_places_are_found(transcript, portal):
    for old, new in ((1, 101), (2, 1), (101, 2)):
        sql = "UPDATE sessions_app_segment SET sequence = ? WHERE sequence = ?"
        assert change(portal, transcript, sql, new, old) == 1
    reread(transcript)
    expect(transcript.locator(WARNINGS)).to_contain_text("was changed or does not belong here")
    assert "First." not in texts(transcript)


def test_what_waited_when_it_ended_is_delivered_late_and_marked(new_page, portal, sign_in, console):
    console.expect(NO_NETWORK)
    # The session's token is of no use any more.
    console.expect("status of 40[149]")
    page = new_page()
    sign_in(page, portal, HOST)
    start_session(page, portal)
    address = page.url
    say(page, "In time.")
    sent(page, "In time.")
    page.context.set_offline(True)
    say(page, "Written on the train.")
    expect(part(page, "train").get_by_text("Waiting to be sent")).to_be_visible()
    context = page.context
    page.close()
    # Ended by the same account elsewhere, without the words that wait here.
    other = new_page()
    sign_in(other, portal, HOST)
    other.goto(address + "ending/")
    other.get_by_role("main").get_by_role("button", name="End session").click()
    context.set_offline(False)

    again = context.new_page()
    again.goto(address)

    expect(part(again, "Written on the train.")).to_contain_text("Arrived late", timeout=TURN)
    expect(again.locator("[data-progress]")).to_contain_text("delivered late: 1")
    # Ended without the host's last word: whether more was written, nobody can tell.
    expect(again.locator(WARNINGS)).to_contain_text("The end of this transcript could not be confirmed.")
    reads(again, "In time.", "Written on the train.")


def test_a_cleared_browser_goes_on_and_repeats_no_number(page, portal, sign_in, console):
    """The key is gone with the storage, and so is reading; nothing is overwritten by it."""
    console.expect("status of 404")
    sign_in(page, portal, HOST)
    start_session(page, portal)
    say(page, "Before.")
    sent(page, "Before.")
    page.goto(f"{portal.url}/accessibility/")
    page.evaluate("() => new Promise(done => { indexedDB.deleteDatabase('medimic').onsuccess = done; })")
    page.go_back()
    page.reload()
    notice = page.get_by_role("alert").filter(has_text="[Encrypted — key not available on this device]")
    expect(notice).to_be_visible(timeout=TURN)
    expect(field(page)).to_be_disabled()
    expect(notice.get_by_role("link", name="Ask another device for the key")).to_be_visible()


def test_an_empty_one_says_so(page, portal, sign_in):
    sign_in(page, portal, HOST)
    start_session(page, portal)
    end(page)
    expect(page.get_by_text("Nothing was written in this session.")).to_be_visible()
    expect(page.locator(WARNINGS)).to_be_empty()
