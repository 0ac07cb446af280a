"""A phone registers itself, shows up, and is cut off: the portal's main job, in two processes."""

import re

import httpx2
from playwright.sync_api import expect

from medimic.keys import SECRETS

MODEL = {"model": "iPhone 15 Pro", "platform": "ios", "os_version": "17.4", "app_version": "3.2.0"}
PERSON = "solo@demo.example"
LINK = re.compile(r"medipal://authenticate\?payload=[\w.-]+")


def issued_link(page, portal) -> str:
    """Press Authenticate Device, and take the deep link that the dialog shows."""
    page.goto(f"{portal.url}/settings/devices/")
    page.get_by_role("link", name="Authenticate Device").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Authenticate Device").click()
    page.wait_for_function("document.documentElement.innerHTML.includes('medipal://authenticate?payload=')")
    return LINK.search(page.content())[0]


def refused_everywhere(portal, token: str) -> set[int]:
    """The answers to many calls on connections of their own, so that both workers are asked."""
    headers = {"Authorization": f"Bearer {token}"}
    return {httpx2.get(f"{portal.url}/api/device", headers=headers).status_code for _ in range(20)}


def test_a_phone_signs_in_shows_up_and_is_cut_off(page, portal, sign_in):
    sign_in(page, portal, PERSON)
    link = issued_link(page, portal)
    phone = portal.phone("anna", **MODEL)
    phone.run("open", link)

    # Without a reload the page learns that the phone has signed in.
    row = page.get_by_role("row", name="iPhone 15 Pro").filter(has_text="3.2.0")
    expect(row).to_contain_text("Active", timeout=15_000)

    session = phone.run("start-session", "Morning round")
    page.goto(f"{portal.url}/settings/devices/")
    for fact in ("iPhone 15 Pro", "iOS 17.4", "3.2.0", "Active"):
        expect(row).to_contain_text(fact)

    row.get_by_role("link", name="Revoke").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("iPhone 15 Pro")
    dialog.get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("status").or_(page.get_by_role("alert")).first).to_contain_text("revoked")

    for command in (["whoami"], ["start-session", "Afternoon round"], ["refresh"]):
        assert phone.refused(*command)["status"] == 401
    page.goto(f"{portal.url}/sessions/")
    expect(page.get_by_role("main")).to_contain_text("Morning round")
    expect(page.get_by_role("main")).to_contain_text(session["code"])
    expect(page.get_by_role("main")).not_to_contain_text("Afternoon round")


def test_a_phone_with_another_key_says_which_key_it_lacks(page, portal, sign_in):
    sign_in(page, portal, PERSON)
    link = issued_link(page, portal)
    phone = portal.phone("anna", **MODEL)

    done = phone.attempt("open", link, CRYPTO_KEY=SECRETS["CRYPTO_KEY"]())

    assert done.returncode == 2
    assert re.search(r"[\w-]{43}", done.stderr)
    assert "CRYPTO_KEY" in done.stderr
