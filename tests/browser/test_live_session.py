"""A session in browsers: the door, the conversation, and what a bad network or a closed page does to it."""

import re

from playwright.sync_api import expect

from tests.browser.sessions import (
    HOST,
    HOST_NAME,
    NAME,
    NO_NETWORK,
    OVER,
    TURN,
    admit,
    agree,
    ask_in,
    digits,
    end,
    field,
    meet,
    part,
    reads,
    say,
    sent,
    start_session,
    texts,
)
from tests.browser.waiting import comes_to

WAITING = "Waiting to be sent"


def test_two_browsers_compare_digits_and_talk(new_page, portal, sign_in, console):
    console.expect(OVER)
    host, guest = new_page(), new_page()
    sign_in(host, portal, HOST)
    code = start_session(host, portal)
    ask_in(guest, portal, f" {code[:3].lower()} {code[3:].lower()}")
    expect(guest.get_by_role("main")).to_contain_text(f"{HOST_NAME} hosts this session")
    expect(guest.locator("body")).not_to_contain_text(NAME)
    assert digits(host) == digits(guest)
    host.get_by_label("Role").select_option("interpreter")
    admit(host)

    expect(guest.get_by_role("heading", name=NAME)).to_be_visible(timeout=TURN)
    expect(host.locator("[data-people]")).to_contain_text("Interpreter")
    # Let in before they have compared: they read, and write once they have.
    expect(field(guest)).to_be_hidden()
    agree(guest)
    expect(field(guest)).to_be_enabled(timeout=TURN)
    say(guest, "I have slept <b>badly</b>.")
    expect(part(host, "I have slept <b>badly</b>.")).to_contain_text("Anna Kowalska", timeout=TURN)
    say(host, "Since when?")
    expect(part(guest, "Since when?")).to_contain_text(HOST_NAME, timeout=TURN)
    sent(guest, "slept")

    end(host)
    expect(host.locator("[data-parts]")).to_contain_text("I have slept <b>badly</b>.")
    reads(host, "I have slept <b>badly</b>.", "Since when?")
    expect(host.locator("[data-warnings]")).to_be_empty()
    expect(guest.get_by_text("The session is over.", exact=True)).to_be_visible(timeout=TURN)
    expect(field(guest)).to_be_disabled()
    reads(guest, *texts(host))
    guest.reload()
    expect(guest.get_by_role("heading", name="The session is over")).to_be_visible()
    expect(guest.locator("body")).not_to_contain_text("slept")


def test_who_is_refused_learns_it(new_page, portal, sign_in, console):
    console.expect(OVER)
    host, guest = new_page(), new_page()
    sign_in(host, portal, HOST)
    ask_in(guest, portal, start_session(host, portal))
    digits(host)
    host.get_by_role("button", name="Refuse").click()

    expect(guest.get_by_text(f"{HOST_NAME} did not let you in.", exact=True).first).to_be_visible(
        timeout=TURN
    )
    guest.reload()
    expect(guest.get_by_role("heading", name="You were not let in")).to_be_visible()


def test_who_is_removed_reads_no_more(new_page, portal, sign_in, console):
    console.expect(OVER)
    host, guest = new_page(), new_page()
    sign_in(host, portal, HOST)
    meet(host, guest, portal)
    host.get_by_role("button", name="Remove").click()
    host.get_by_role("dialog", name="Remove Anna Kowalska?").get_by_role("button", name="Remove").click()

    expect(guest.get_by_text("You no longer take part.")).to_be_visible(timeout=TURN)
    say(host, "She is gone.")
    sent(host, "She is gone.")
    expect(guest.locator("[data-parts]")).not_to_contain_text("She is gone.")
    expect(host.locator("[data-people]")).to_contain_text("Left at")


def test_somebody_leaves_by_themselves(new_page, portal, sign_in, console):
    console.expect(OVER)
    host, guest = new_page(), new_page()
    sign_in(host, portal, HOST)
    meet(host, guest, portal)
    guest.get_by_role("button", name="Leave session").click()
    guest.get_by_role("dialog").get_by_role("button", name="Leave session").click()
    expect(guest.get_by_text("You no longer take part.")).to_be_visible(timeout=TURN)
    expect(host.locator("[data-people]")).to_contain_text("Left at", timeout=TURN)


def test_on_one_screen_the_speaker_is_switched_by_hand_and_by_keys(page, portal, sign_in):
    sign_in(page, portal, HOST)
    start_session(page, portal, mode="Shared Device")
    page.get_by_text("Add a speaker").click()
    page.get_by_label("Name").fill("Anna Kowalska")
    page.get_by_label("Role").select_option("patient")
    page.get_by_role("button", name="Add", exact=True).click()
    speakers = page.get_by_role("group", name=re.compile("Who speaks"))
    anna = speakers.get_by_role("radio", name="Anna Kowalska")
    expect(anna).to_be_visible(timeout=TURN)

    anna.check()
    say(page, "My knee hurts.")
    field(page).press("Alt+1")
    say(page, "Which one?")
    field(page).press("Alt+2")
    expect(anna).to_be_checked()
    say(page, "The left one.")
    anna.focus()
    page.keyboard.press("1")
    expect(speakers.get_by_role("radio", name=HOST_NAME)).to_be_checked()

    sent(page, "Which one?")
    expect(part(page, "My knee hurts.")).to_contain_text("Anna Kowalska")
    expect(part(page, "My knee hurts.")).to_contain_text("Patient")
    expect(part(page, "Which one?")).to_contain_text(HOST_NAME)
    end(page)
    expect(page.locator("[data-parts] > li")).to_have_count(3)
    reads(page, "My knee hurts.", "Which one?", "The left one.")
    expect(page.locator("[data-warnings]")).to_be_empty()


def test_a_reload_keeps_reading_and_writing(page, portal, sign_in):
    sign_in(page, portal, HOST)
    start_session(page, portal)
    say(page, "Before.")
    sent(page, "Before.")
    page.reload()
    expect(part(page, "Before.")).to_be_visible(timeout=TURN)
    say(page, "After.")
    sent(page, "After.")
    reads(page, "Before.", "After.")


def test_without_network_what_is_written_waits(new_page, portal, sign_in, console):
    console.expect(NO_NETWORK)
    host, guest = new_page(), new_page()
    sign_in(host, portal, HOST)
    meet(host, guest, portal)
    host.context.set_offline(True)
    say(host, "First, without network.")
    say(host, "Second, without network.")
    expect(part(host, "First").get_by_text(WAITING)).to_be_visible()
    expect(host.get_by_text("No connection")).to_be_visible(timeout=TURN)
    say(guest, "Meanwhile, with network.")
    sent(guest, "Meanwhile")

    host.context.set_offline(False)

    for text in ("First", "Second"):
        sent(host, text)
        expect(part(guest, text)).to_be_visible(timeout=TURN)
    expect(host.get_by_text("No connection")).to_be_hidden(timeout=TURN)
    expect(part(host, "Meanwhile")).to_be_visible(timeout=TURN)
    order = ["Meanwhile, with network.", "First, without network.", "Second, without network."]
    reads(host, *order)
    reads(guest, *order)
    expect(host.locator("[data-warnings]")).to_be_empty()


def test_a_closed_page_delivers_when_it_is_opened_again(new_page, portal, sign_in, console):
    console.expect(NO_NETWORK)
    page = new_page()
    sign_in(page, portal, HOST)
    start_session(page, portal)
    address = page.url
    page.context.set_offline(True)
    say(page, "Written on the train.")
    expect(part(page, "train").get_by_text(WAITING)).to_be_visible()
    stored = page.evaluate(
        """async () => {
            const db = await new Promise(done => {
                indexedDB.open("medimic").onsuccess = (event) => done(event.target.result);
            });
            return JSON.stringify(await new Promise(done => {
                const all = db.transaction("unsent").objectStore("unsent").getAll();
                all.onsuccess = () => done(all.result);
            }));
        }"""
    )
    assert "ciphertext" in stored
    assert "train" not in stored
    context = page.context
    page.close()
    context.set_offline(False)
    again = context.new_page()
    again.goto(address)
    sent(again, "Written on the train.")
    reads(again, "Written on the train.")


def test_two_tabs_lose_nothing_and_repeat_nothing(new_page, portal, sign_in, console):
    # The other tab asks on when the session is over.
    console.expect(OVER)
    page = new_page()
    sign_in(page, portal, HOST)
    start_session(page, portal)
    other = page.context.new_page()
    other.goto(page.url)
    expect(field(other)).to_be_enabled(timeout=TURN)
    written = []
    for number in range(4):
        for tab, name in ((page, "one"), (other, "two")):
            written.append(f"Tab {name} says {number}.")
            say(tab, written[-1])
    for tab in (page, other):
        for text in written:
            sent(tab, text)
    comes_to(page, lambda: sorted(texts(page)), sorted(written))
    reads(other, *texts(page))
    end(page)
    comes_to(page, lambda: sorted(texts(page)), sorted(written))
    expect(page.locator("[data-warnings]")).to_be_empty()


def test_a_session_cannot_be_ended_without_network_and_can_be_afterwards(page, portal, sign_in, console):
    console.expect(NO_NETWORK)
    sign_in(page, portal, HOST)
    start_session(page, portal)
    page.get_by_role("link", name="End session").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="End session").wait_for()
    page.context.set_offline(True)
    field(page).evaluate("field => { field.value = 'Last words.'; field.form.requestSubmit(); }")
    dialog.get_by_role("button", name="End session").click()
    expect(dialog.get_by_role("alert")).to_contain_text("could not be ended", timeout=TURN)
    page.context.set_offline(False)
    dialog.get_by_role("button", name="End session").click()
    page.locator("[data-transcript]").wait_for(timeout=TURN)
    expect(page.locator("[data-parts]")).to_contain_text("Last words.")
    expect(page.locator("[data-warnings]")).to_be_empty()


def test_whoever_scrolled_up_stays_there(new_page, portal, sign_in):
    host, guest = new_page(viewport={"width": 1280, "height": 700}), new_page()
    sign_in(host, portal, HOST)
    meet(host, guest, portal)
    for number in range(12):
        say(host, f"Line {number}\nof three\nlines")
    sent(host, "Line 11")
    log = host.locator("[data-log]")
    log.evaluate("log => { log.scrollTop = 0; }")
    say(guest, "Something new.")
    button = host.get_by_role("button", name="New messages")
    expect(button).to_be_visible(timeout=TURN)
    assert log.evaluate("log => log.scrollTop") == 0
    button.click()
    expect(part(host, "Something new.")).to_be_in_viewport()
    expect(button).to_be_hidden()


def test_a_whole_session_by_keyboard_alone(page, portal, sign_in):
    sign_in(page, portal, HOST)
    start_session(page, portal)
    field(page).focus()
    page.keyboard.type("Typed.")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("Second line.")
    page.keyboard.press("Enter")
    sent(page, "Typed.")
    reads(page, "Typed.\nSecond line.")
    page.get_by_role("link", name="End session").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="End session")).to_be_focused()
    page.keyboard.press("Enter")
    button = page.get_by_role("dialog").get_by_role("button", name="End session")
    for _ in range(6):
        page.keyboard.press("Tab")
        if button.evaluate("one => one === document.activeElement"):
            break
    page.keyboard.press("Enter")
    page.locator("[data-transcript]").wait_for(timeout=TURN)
    expect(page.locator("[data-parts]")).to_contain_text("Second line.")


def test_dictation_is_asked_for_first(page, portal, sign_in):
    page.add_init_script(
        """window.SpeechRecognition = window.webkitSpeechRecognition = class {
            start() { setTimeout(() => this.onresult({resultIndex: 0, results: [
                Object.assign([{transcript: " Spoken words"}], {isFinal: true})]}), 50); }
            stop() { this.onend?.(); }
        }"""
    )
    sign_in(page, portal, HOST)
    start_session(page, portal)
    button = page.get_by_role("button", name="Dictate")
    button.click()
    dialog = page.get_by_role("dialog", name="Turn dictation on?")
    expect(dialog).to_contain_text("send the sound to their maker's servers")
    dialog.get_by_role("button", name="Not now").click()
    expect(button).to_have_attribute("aria-pressed", "false")
    button.click()
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="Turn dictation on").click()
    expect(field(page)).to_have_value("Spoken words")
    page.locator("[data-dictate]").click()
    expect(button).to_have_attribute("aria-pressed", "false")


def test_without_script_each_page_explains_itself(new_page, portal, sign_in):
    page = new_page(java_script_enabled=False)
    page.goto(f"{portal.url}/join/ABCDEF/")
    expect(page.get_by_role("main")).to_contain_text("Joining needs JavaScript.")
    sign_in(page, portal, HOST)
    page.goto(f"{portal.url}/sessions/new/")
    page.get_by_label("Session Name").fill(NAME)
    page.get_by_role("button", name="Start session").click()
    expect(page.get_by_role("main")).to_contain_text("This page needs JavaScript.")
    page.get_by_role("link", name="End session").click()
    page.get_by_role("main").get_by_role("button", name="End session").click()
    expect(page.get_by_role("main")).to_contain_text("[Encrypted — key not available on this device]")
    expect(page.get_by_role("main")).to_contain_text("That takes JavaScript.")


def test_a_sign_out_in_another_tab_leaves_nothing_on_the_screen(page, portal, sign_in, console):
    console.expect(r"status of (401|403|404)")
    sign_in(page, portal, HOST)
    start_session(page, portal)
    say(page, "For our eyes alone.")
    sent(page, "For our eyes alone.")
    field(page).fill("Half a sentence")
    other = page.context.new_page()
    other.goto(f"{portal.url}/accounts/logout/")
    other.get_by_role("main").get_by_role("button", name="Sign Out").click()
    sign_in(other, portal, HOST)
    expect(page.get_by_text("You no longer take part.")).to_be_visible(timeout=TURN)
    expect(page.locator("[data-parts] > li")).to_have_count(0)
    expect(field(page)).to_have_value("")
