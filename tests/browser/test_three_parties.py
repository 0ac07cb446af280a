"""Two browsers and a phone in one session: all three read it, and nothing that keeps it can."""

import base64
import copy
import dataclasses
import json
import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser import at_rest, pages
from tests.browser.mails import mailed_link
from tests.browser.portal import PASSWORD, running
from tests.browser.sessions import (
    HOST,
    OVER,
    TURN,
    admit,
    agree,
    ask_in,
    digits,
    end,
    field,
    part,
    reads,
    say,
    sent,
    start_session,
)

ENCRYPTED = "[Encrypted — key not available on this device]"
# The name of a session is no secret of its transcript: what is found of it shows that the search finds.
NAME = "Wizyta kontrolna pod jaworem 4711"
SAID = {
    "host": "Gdzie boli panią głowa, pod lewym jaworem?",
    "guest": "Zażółć gęślą jaźń, a potem kwiatostan 🌾 & <b>łubin</b>",
    "phone": 'Quixotic marmalade "at" half past nine',
}


@pytest.fixture
def portal(databases, tmp_path):
    """One that logs all it can."""
    loud = copy.copy(databases)
    loud.environment = databases.environment | {"LOG_LEVEL": "DEBUG"}
    with running(loud, tmp_path / "portal") as portal:
        yield portal


@pytest.fixture
def phone(portal):
    quiet = dataclasses.replace(portal, environment=portal.environment | {"LOG_LEVEL": "WARNING"})
    return quiet.phone("interpreter")


def sign_in_on(phone, email):
    done = phone.attempt("sign-in", email, stdin=f"{PASSWORD}\n")
    assert done.returncode == 0, done.stderr


def told(process) -> dict:
    """The next line that a waiting phone shows."""
    return json.loads(process.stderr.readline())


def heard(phone, session: str) -> list[str]:
    read = phone.run("read", session)
    assert read["warnings"] == []
    return [line["text"] for line in read["transcript"] if line["type"] == "text"]


def session_of(page: Page) -> str:
    return re.search(r"/sessions/([0-9a-f-]{36})/", page.url).group(1)


def invite(page: Page, portal, email: str) -> None:
    """So that a mail of this session is among what is searched."""
    page.get_by_role("link", name="Invite a colleague").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("E-mail address").fill(email)
    dialog.get_by_role("button", name="Send invitation").click()
    expect(dialog).to_contain_text(email)
    mailed_link(portal, r"https?://\S+/sessions/invitations/\S+")
    page.keyboard.press("Escape")


def lies_nowhere_in_the_clear(portal) -> None:
    """Nothing that was said, and no half of it, is in the dump (the cache's too), the logs or the mails."""
    places = at_rest.written(portal)
    assert {"dump", str(portal.directory / "log")} <= places.keys()
    assert all(places[str(file)] for file in (portal.directory / "mail").iterdir())
    # It is searched where something is to be found: names are not encrypted.
    assert ("dump", "utf-8") in at_rest.found(NAME, places)
    for words in SAID.values():
        for piece in (words, words[: len(words) // 2], words[len(words) // 2 :]):
            assert at_rest.found(piece, places) == set()


def test_a_browser_hosts_a_browser_and_a_phone(new_page, portal, phone, sign_in, console):
    console.expect(OVER)
    host, guest = new_page(), new_page()
    sign_in(host, portal, HOST)
    sign_in_on(phone, pages.PROVIDER)
    code = start_session(host, portal, NAME)
    session = session_of(host)
    ask_in(guest, portal, code)
    assert digits(host) == digits(guest)
    agree(guest)
    admit(host)
    expect(field(guest)).to_be_enabled(timeout=TURN)
    with phone.start("join", code, "Iga Tłumacz", "--role", "interpreter") as process:
        assert told(process)["state"] == "waiting"
        assert told(process)["digits"] == digits(host)
        admit(host)
        assert json.loads(process.stdout.readline())["state"] == "admitted"

    invite(host, portal, "colleague@elsewhere.example")
    say(host, SAID["host"])
    sent(host, SAID["host"])
    say(guest, SAID["guest"])
    sent(guest, SAID["guest"])
    phone.run("say", session, SAID["phone"])
    for page in (host, guest):
        expect(part(page, SAID["phone"])).to_contain_text("Iga Tłumacz", timeout=TURN)
        reads(page, *SAID.values())
        expect(page.locator("[data-warnings]")).to_be_empty()
    assert heard(phone, session) == list(SAID.values())
    lies_nowhere_in_the_clear(portal)

    end(host)
    expect(part(host, SAID["phone"])).to_be_visible(timeout=TURN)
    reads(host, *SAID.values())
    expect(host.locator("[data-warnings]")).to_be_empty()
    assert heard(phone, session) == list(SAID.values())
    lies_nowhere_in_the_clear(portal)


def test_a_phone_hosts_two_browsers(new_page, portal, phone, sign_in, console):
    console.expect(OVER)
    sign_in_on(phone, HOST)
    started = phone.run("start-session", NAME, "--mode", "two_device")
    session = started["id"]
    guests = [new_page(), new_page()]
    for guest, name in zip(guests, ("Anna Kowalska", "Olga Nowak"), strict=True):
        ask_in(guest, portal, started["code"], name)
        state = phone.run("participants", session)
        waiting = [one for one in state["participants"] if one["state"] == "waiting"]
        assert [one["name"] for one in waiting] == [name]
        done = phone.attempt("admit", session, waiting[0]["id"])
        assert done.returncode == 0, done.stderr
        # Let in at once: the joiner still compares before the first word.
        agreeing = guest.locator("[data-compare] [data-digits]:visible")
        expect(agreeing).to_have_text(json.loads(done.stderr)["digits"], timeout=TURN)
        expect(guest.get_by_role("heading", name=NAME)).to_be_visible(timeout=TURN)
        agree(guest)
        expect(field(guest)).to_be_enabled(timeout=TURN)

    phone.run("say", session, SAID["phone"])
    expect(part(guests[0], SAID["phone"])).to_be_visible(timeout=TURN)
    say(guests[0], SAID["guest"])
    sent(guests[0], SAID["guest"])
    expect(part(guests[1], SAID["guest"])).to_be_visible(timeout=TURN)
    say(guests[1], SAID["host"])
    sent(guests[1], SAID["host"])
    expect(part(guests[0], SAID["host"])).to_be_visible(timeout=TURN)
    conversation = [SAID["phone"], SAID["guest"], SAID["host"]]
    for guest in guests:
        reads(guest, *conversation)
        expect(guest.locator("[data-warnings]")).to_be_empty()
    assert heard(phone, session) == conversation

    assert phone.run("end", session)["status"] == "ended"
    for guest in guests:
        expect(guest.get_by_text("The session is over.", exact=True)).to_be_visible(timeout=TURN)
    assert heard(phone, session) == conversation
    # The same account in a browser that was given no key.
    other = new_page()
    sign_in(other, portal, HOST)
    other.goto(f"{portal.url}/sessions/{session}/")
    expect(other.get_by_text(ENCRYPTED, exact=True)).to_be_visible(timeout=TURN)
    expect(other.locator("body")).not_to_contain_text(SAID["phone"])


@pytest.mark.parametrize("words", SAID.values())
def test_the_search_finds_words_in_every_form(words):
    for form, encoded in at_rest.forms(words).items():
        beside = {"place": b"before" + encoded + b"after"}
        assert ("place", form) in at_rest.found(words, beside)
    for shift in range(3):
        encoded = base64.b64encode(b"x" * shift + words.encode() + b"y" * 5)
        assert at_rest.found(words, {"place": encoded})
        assert at_rest.found(words, {"place": base64.encodebytes(b"x" * shift + words.encode() * 2)})
    assert at_rest.found(words, {"place": b"nothing of it"}) == set()
