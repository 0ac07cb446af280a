"""Mails are switched by keyboard alone, and one kind is ended from its own mail."""

import re

import httpx2
from playwright.sync_api import Page, expect

from tests.browser.mails import mailed_link, mails
from tests.browser.sessions import end, start_session

PERSON = "provider@clinic.example"
PAGE = "/settings/notifications/"


def tab_to(page: Page, role: str, name: str) -> None:
    """Forward with Tab alone, until the focus is where it should be."""
    wanted = page.get_by_role("main").get_by_role(role, name=name, exact=True)
    for _ in range(40):
        if wanted.evaluate("one => one === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not lead to {name}")


def switch(page: Page, *names: str) -> None:
    for name in names:
        tab_to(page, "checkbox", name)
        page.keyboard.press("Space")
    tab_to(page, "button", "Save")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Your email notifications are saved.")).to_be_visible()


def is_on(page: Page, name: str) -> bool:
    return page.get_by_role("main").get_by_role("checkbox", name=name, exact=True).is_checked()


def test_switches_stay_as_they_were_set_and_a_mail_s_own_button_ends_its_kind(new_page, portal, sign_in):
    page, elsewhere = new_page(), new_page()
    sign_in(page, portal, PERSON)
    page.goto(f"{portal.url}/settings/")
    page.get_by_role("main").get_by_role("link", name="Notifications").click()
    switch(page, "New sessions", "Security alerts")
    standing = [is_on(page, name) for name in ("New sessions", "Session summaries", "Security alerts")]
    assert standing == [True, True, False]
    mailed_link(portal, r"/alerts/[\w-]+/", to=PERSON, subject="Security alerts were switched off")

    start_session(page, portal)
    end(page)
    link = mailed_link(portal, r"/unsubscribe/session_summaries\.\S+", to=PERSON)
    page.goto(portal.url + PAGE)

    # By hand, from a browser that nobody is signed in with.
    elsewhere.goto(link)
    tab_to(elsewhere, "button", "Unsubscribe")
    elsewhere.keyboard.press("Enter")
    expect(elsewhere.get_by_role("heading", name="You are unsubscribed")).to_be_visible()

    # By the mailbox's own button, as its provider posts it.
    headers = [mail["List-Unsubscribe"] for mail in mails(portal) if mail["List-Unsubscribe"]]
    started = next(found for found in headers if "new_sessions" in found)
    path = re.fullmatch(r"<https?://[^/]+(/\S+)>", started)[1]
    answer = httpx2.post(portal.url + path, data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200

    # What the open page still shows as on is not switched on again by saving something else.
    switch(page, "Security alerts")
    standing = [is_on(page, name) for name in ("New sessions", "Session summaries", "Security alerts")]
    assert standing == [False, False, True]
