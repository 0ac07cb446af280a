"""A colleague is invited by mail, and talks in the session that they were invited to."""

import re

from playwright.sync_api import expect

from tests.browser.mails import mailed_link
from tests.browser.sessions import (
    HOST,
    HOST_NAME,
    NAME,
    TURN,
    admit,
    agree,
    digits,
    field,
    part,
    say,
    start_session,
)

GUEST, OTHER = "provider@clinic.example", "colleague@clinic.example"
LINK = r"/sessions/invitations/[\w-]+/"


def invite(page, email: str) -> None:
    page.get_by_role("link", name="Invite a colleague").click()
    dialog = page.get_by_role("dialog", name="Invite a colleague")
    dialog.get_by_label("E-mail address of your colleague").fill(email)
    dialog.get_by_role("button", name="Send invitation").click()
    expect(dialog.get_by_text("is on its way")).to_be_visible()


def test_from_the_mail_into_the_session(new_page, portal, sign_in):
    host, guest = new_page(), new_page()
    sign_in(host, portal, HOST)
    start_session(host, portal)
    host.goto(portal.url)
    host.get_by_role("link", name="Invite a colleague", exact=True).click()
    host.get_by_label("E-mail address of your colleague").fill(GUEST.upper())
    host.get_by_role("button", name="Send invitation").click()
    host.get_by_role("link", name="Back to the session").click()
    invitations = host.get_by_role("region", name="Invitations")
    expect(invitations).to_contain_text("Open", timeout=TURN)

    guest.goto(mailed_link(portal, LINK))
    expect(guest.get_by_role("heading", name=f"{HOST_NAME} invites you to a session")).to_be_visible()
    expect(guest.locator("body")).not_to_contain_text(NAME)
    guest.get_by_role("link", name="Sign in to accept").click()
    guest.fill("input[name=login]", GUEST)
    guest.fill("input[name=password]", "a demonstration of no secret")
    guest.get_by_role("main").get_by_role("button", name="Sign In").click()
    guest.get_by_role("button", name="Accept").click()

    expect(invitations.get_by_text("Accepted")).to_be_visible(timeout=TURN)
    assert digits(host) == digits(guest)
    agree(guest)
    expect(host.get_by_label("Role")).to_have_value("provider")
    admit(host)
    expect(field(guest)).to_be_enabled(timeout=TURN)
    say(guest, "Thanks for having me.")
    expect(part(host, "Thanks for having me.")).to_be_visible(timeout=TURN)


def test_declined_without_a_sign_in_the_host_sees_it(new_page, portal, sign_in):
    host, guest = new_page(), new_page()
    sign_in(host, portal, HOST)
    start_session(host, portal)
    invite(host, OTHER)
    host.keyboard.press("Escape")
    guest.goto(mailed_link(portal, LINK))
    guest.get_by_role("button", name="Decline").click()
    expect(guest.get_by_role("heading", name="You declined the invitation")).to_be_visible()
    region = host.get_by_role("region", name="Invitations")
    expect(region.get_by_text("Declined")).to_be_visible(timeout=TURN)


def test_withdrawn_in_the_dialog_the_link_opens_nothing(new_page, portal, sign_in, console):
    console.expect("status of 404")
    host, guest = new_page(), new_page()
    sign_in(host, portal, HOST)
    start_session(host, portal)
    invite(host, OTHER)
    # One that is withdrawn before its mail is sent is not sent.
    link = mailed_link(portal, LINK)
    host.get_by_role("dialog").get_by_role("button", name=re.compile("Withdraw")).click()
    expect(host.get_by_role("dialog").get_by_text("is withdrawn")).to_be_visible()
    guest.goto(link)
    expect(guest.get_by_role("heading", name="This invitation is no longer good")).to_be_visible()
