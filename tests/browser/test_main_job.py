"""A phone registers itself, shows up, and is cut off: the portal's main job, in two processes."""

import json
import re

import httpx2
from playwright.sync_api import Page, expect

from medimic.keys import SECRETS
from tests.browser.portal import MANAGED_SIMULATOR, Phone, Portal

IPHONE = {"model": "iPhone 15 Pro Max", "platform": "ios", "os_version": "17.4", "app_version": "3.2.0"}
PERSON = "solo@demo.example"
# Enough that both of the web server's workers answer some of them.
CALLS = 20


def issued_link(page: Page, portal: Portal) -> str:
    """Press Authenticate Device, and take the deep link that the portal shows."""
    page.goto(f"{portal.url}/settings/devices/")
    page.get_by_role("link", name="Authenticate Device").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Sara's new phone")
    dialog.get_by_role("button", name="Make the link").click()
    return dialog.get_by_label("The same as a link").input_value()


def tokens_of(phone: Phone) -> tuple[str, str, list[str]]:
    """Access, refresh and session tokens, from the phone's keychain."""
    keychain = json.loads(phone.state.read_text())
    return keychain["access_token"], keychain["refresh_token"], list(keychain["sessions"].values())


def codes(portal: Portal, method: str, path: str, bearer: str = "", body: dict | None = None) -> set[str]:
    """The codes of the refusals of many calls, each on a connection of its own."""
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    replies = [
        httpx2.request(method, f"{portal.url}/api/{path}", headers=headers, json=body) for _ in range(CALLS)
    ]
    assert {reply.status_code for reply in replies} <= {400, 401}
    return {reply.json()["code"] for reply in replies}


def test_a_phone_signs_in_shows_up_and_is_cut_off(page, portal, sign_in):
    sign_in(page, portal, PERSON)
    link = issued_link(page, portal)
    phone = portal.phone("sara", **IPHONE)
    phone.program = MANAGED_SIMULATOR
    phone.run("open", link)
    session = phone.run("start-session", "Morning round")

    page.goto(f"{portal.url}/settings/devices/")
    row = page.get_by_role("row").filter(has_text="Sara's new phone")
    for fact in ("iPhone 15 Pro Max", "iOS 17.4", "3.2.0", "Active"):
        expect(row).to_contain_text(fact)

    row.get_by_role("link", name="Revoke").click()
    dialog = page.get_by_role("dialog", name="Revoke Sara's new phone?")
    expect(dialog).to_contain_text("iPhone 15 Pro Max")
    access, refresh, session_tokens = tokens_of(phone)
    dialog.get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("main")).to_contain_text("revoked")

    assert codes(portal, "GET", "device", access) == {"device_revoked"}
    for token in session_tokens:
        assert codes(portal, "GET", f"sessions/{session['id']}", token) == {"device_revoked"}
    grant = {"grant_type": "refresh_token", "refresh_token": refresh}
    assert codes(portal, "POST", "token", body=grant) <= {"device_revoked", "invalid_grant"}
    assert phone.refused("whoami")["code"] == "device_revoked"
    phone.refused("start-session", "Afternoon round")

    page.get_by_role("link", name="Sessions", exact=True).click()
    expect(page.get_by_role("main")).to_contain_text("Morning round")
    expect(page.get_by_role("main")).not_to_contain_text("Afternoon round")


def test_a_link_that_was_cancelled_signs_nobody_in(page, portal, sign_in):
    sign_in(page, portal, PERSON)
    link = issued_link(page, portal)
    page.get_by_role("dialog").get_by_role("link", name="Cancel link").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel link").click()
    expect(page.get_by_role("main")).to_contain_text("cancelled")

    assert 400 <= portal.phone("sara", **IPHONE).refused("open", link)["status"] < 500


def test_a_phone_with_another_key_says_which_key_it_lacks(page, portal, sign_in):
    sign_in(page, portal, PERSON)
    link = issued_link(page, portal)

    done = portal.phone("sara", **IPHONE).attempt("open", link, CRYPTO_KEY=SECRETS["CRYPTO_KEY"]())

    assert done.returncode == 2
    assert re.search(r"[\w-]{43}", done.stderr)
