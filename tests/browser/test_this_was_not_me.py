"""A thief signs in with somebody's password, on a browser and a phone; the owner's mail ends both."""

import re

from playwright.sync_api import expect

from tests.browser.mails import mailed_link
from tests.browser.portal import PASSWORD
from tests.browser.test_main_job import IPHONE, issued_link

PERSON = "solo@demo.example"
ALERT = r"/alerts/[\w-]+/"
NEW_PASSWORD = "a new and better passphrase"


def test_the_owner_locks_the_thief_out_and_chooses_a_new_password(new_page, portal, sign_in):
    owner, thief, mailbox = new_page(), new_page(), new_page()
    sign_in(owner, portal, PERSON)
    sign_in(thief, portal, PERSON)
    phone = portal.phone("thief", **IPHONE)
    phone.run("open", issued_link(thief, portal))
    assert phone.run("whoami")

    # A scanner opens the link before the owner does: nothing comes of it.
    link = mailed_link(portal, ALERT, to=PERSON, subject="New device")
    scanner = new_page(java_script_enabled=False)
    for _ in range(2):
        scanner.goto(link)
    assert phone.run("whoami")

    mailbox.goto(link)
    main = mailbox.get_by_role("main")
    expect(main).to_contain_text("New device")
    expect(main).to_contain_text("If it was you, close this page")
    button = main.get_by_role("button", name="It wasn't me: lock my account")
    button.focus()
    mailbox.keyboard.press("Enter")
    expect(mailbox.get_by_role("heading", name="Your account is locked")).to_be_visible()

    for page in (owner, thief):
        page.goto(f"{portal.url}/settings/security/")
        page.wait_for_url("**/accounts/login/**")
    assert phone.refused("whoami")["code"] in ("device_revoked", "token_revoked", "token_ended")
    thief.fill("input[name=login]", PERSON)
    thief.fill("input[name=password]", PASSWORD)
    thief.get_by_role("main").get_by_role("button", name="Sign In", exact=True).click()
    expect(thief.get_by_role("main")).to_contain_text("The email address or the password is not right")

    mailbox.goto(mailed_link(portal, r"/accounts/password/reset/key/\S+", to=PERSON))
    for field in mailbox.locator("main input[type=password]").all():
        field.fill(NEW_PASSWORD)
    mailbox.get_by_role("main").get_by_role("button").first.click()
    owner.fill("input[name=login]", PERSON)
    owner.fill("input[name=password]", NEW_PASSWORD)
    owner.get_by_role("main").get_by_role("button", name="Sign In", exact=True).click()
    owner.wait_for_url(re.compile(r"/settings/security/$"))
    owner.goto(f"{portal.url}/settings/activity/")
    expect(owner.get_by_role("main")).to_contain_text("Said of a mail: this wasn't me")

    # Once: the same link only tells that it is done.
    mailbox.goto(link)
    expect(mailbox.get_by_role("heading", name="Your account is locked")).to_be_visible()
    owner.goto(f"{portal.url}/settings/security/")
    expect(owner.get_by_role("heading", name="Security", exact=True)).to_be_visible()
