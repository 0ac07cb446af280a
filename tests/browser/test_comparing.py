"""The joiner's own comparison of the digits: nothing is written before it, nor after they differ."""

from playwright.sync_api import expect

from tests.browser.sessions import (
    HOST,
    OVER,
    TURN,
    admit,
    agree,
    ask_in,
    digits,
    field,
    start_session,
)


def test_who_is_let_in_first_compares_before_the_first_word(new_page, portal, sign_in, console):
    console.expect(OVER)
    host, guest = new_page(), new_page()
    sign_in(host, portal, HOST)
    ask_in(guest, portal, start_session(host, portal))
    shown = digits(guest)
    assert digits(host) == shown
    admit(host)
    asked = guest.get_by_role("group", name="Did the host's screen show these digits")
    expect(asked).to_contain_text(shown, timeout=TURN)
    expect(field(guest)).to_be_hidden()
    guest.reload()
    expect(asked).to_contain_text(shown, timeout=TURN)
    agree(guest)
    expect(field(guest)).to_be_enabled(timeout=TURN)
    guest.reload()
    expect(field(guest)).to_be_enabled(timeout=TURN)
    expect(asked).to_be_hidden()


def test_who_sees_other_digits_leaves_and_trusts_nothing_of_it(new_page, portal, sign_in, console):
    console.expect(OVER)
    host, guest = new_page(), new_page()
    sign_in(host, portal, HOST)
    ask_in(guest, portal, start_session(host, portal))
    digits(guest)
    guest.get_by_role("button", name="They differ").click()
    expect(guest.get_by_text("The host's key was exchanged on the way.").first).to_be_visible()
    expect(host.get_by_role("button", name="Admit")).to_have_count(0, timeout=TURN)
    kept = guest.evaluate(
        """() => new Promise((resolve) => {
          indexedDB.open("medimic").onsuccess = ({ target }) => {
            const all = target.result.transaction("joins").objectStore("joins").getAll();
            all.onsuccess = () => resolve(all.result.length);
          };
        })"""
    )
    assert kept == 0


def test_nobody_writes_before_comparing_whatever_the_page_is_told_of_them(new_page, portal, sign_in, console):
    console.expect(OVER + "|TypeError|Cannot")
    host, guest = new_page(), new_page()
    sign_in(host, portal, HOST)
    ask_in(guest, portal, start_session(host, portal))
    digits(host)
    admit(host)
    asked = guest.get_by_role("group", name="Did the host's screen show these digits")
    expect(asked).to_be_visible(timeout=TURN)

    def told_to_host(route):
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace('"isHost": false', '"isHost": true'))

    guest.route("**/sessions/*/", told_to_host)
    guest.reload()
    expect(asked).to_be_visible(timeout=TURN)
    expect(field(guest)).to_be_hidden()
