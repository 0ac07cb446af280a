"""A revocation with its receipt, and a device that makes room for another, beside a phone that runs."""

import re

from playwright.sync_api import expect

from tests.browser.test_main_job import IPHONE, issued_link

PERSON = "solo@demo.example"
TRIAL = "trial@demo.example"


def test_a_device_that_nobody_knows_is_revoked_with_a_receipt_and_leads_on(page, portal, sign_in):
    sign_in(page, portal, PERSON)
    phone = portal.phone("stranger", **IPHONE)
    phone.run("open", issued_link(page, portal))
    phone.run("start-session", "Morning round")
    phone.run("refresh")

    page.goto(f"{portal.url}/settings/devices/")
    page.get_by_role("row").filter(has_text="Sara's new phone").get_by_role("link", name="Revoke").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("I don't recognize this device").check()
    dialog.get_by_role("button", name="Revoke").click()

    page.wait_for_url("**/revocation/receipt/")
    main = page.get_by_role("main")
    expect(main).to_contain_text("not recognized")
    ended = {row.locator("td").first.inner_text(): row.locator("td").nth(1).inner_text() for row in
             main.get_by_role("row").filter(has=page.locator("td")).all()}  # fmt: skip
    assert ended == {
        "Browser sign-ins on it": "0",
        "Access tokens": "2",
        "Refresh tokens": "1",
        "Session tokens": "1",
        "Push route": "0",
        "Pending registration": "0",
    }
    assert phone.refused("whoami")["code"] == "device_revoked"
    assert phone.refused("refresh")["code"] == "device_revoked"

    # On paper stands the receipt, and nothing to press.
    page.emulate_media(media="print")
    expect(main.get_by_text("MediMic Provider Portal")).to_be_visible()
    expect(main.get_by_text("Refresh tokens")).to_be_visible()
    for gone in (page.locator(".topbar"), page.locator(".navigation"), page.get_by_text("Change password")):
        expect(gone).to_be_hidden()
    page.emulate_media(media="screen")

    page.goto(f"{portal.url}/settings/activity/")
    expect(page.get_by_role("main")).to_contain_text(
        "Revoked Sara's new phone, not recognized. Ended: Access tokens 2, Refresh tokens 1, Session tokens 1"
    )
    page.go_back()
    main.get_by_role("link", name="Change password").click()
    expect(page.get_by_role("heading", name="Change password")).to_be_visible()
    page.go_back()
    main.get_by_role("link", name="Sign Out Everywhere").click()
    page.wait_for_url(re.compile("sign-out-everywhere|reauthenticate"))


def test_at_the_limit_one_device_makes_room_without_script(new_page, portal, sign_in):
    page = new_page(java_script_enabled=False)
    sign_in(page, portal, TRIAL)
    page.goto(f"{portal.url}/settings/devices/authentication/")
    main = page.get_by_role("main")
    expect(main).to_contain_text("Free Trial, allows 1 device")

    main.get_by_role("button", name="Revoke it and make the link").click()
    main.get_by_label(re.compile("Samsung Galaxy A54")).check()
    main.get_by_label("Name").fill("New phone")
    main.get_by_role("button", name="Revoke it and make the link").click()
    link = page.get_by_label("The same as a link").input_value()

    assert portal.phone("new", **IPHONE).run("open", link)["device"]["name"] == "New phone"
    page.goto(f"{portal.url}/settings/devices/")
    expect(page.get_by_role("row").filter(has_text="New phone")).to_contain_text("Active")
    expect(page.get_by_role("row").filter(has_text="Galaxy A54")).to_contain_text("revoked by you")
