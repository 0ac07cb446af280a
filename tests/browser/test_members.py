"""Inviting in Chromium: from the dialog over the mail to the invited one's first look at the organization."""

import email
import email.policy
import re
import time
from pathlib import Path

from tests.browser import pages
from tests.browser.portal import PASSWORD

LINK = re.compile(r"/invitations/[\w-]{20,}/")
NEW = "nora.new@people.example"


def main(page):
    return page.get_by_role("main")


def members_of(page, portal):
    page.goto(f"{portal.url}/organization/")
    main(page).get_by_role("link", name="Members", exact=True).first.click()
    page.wait_for_url("**/members/")


def invite(page, portal, to, role="Provider"):
    """By the dialog over the list of members."""
    members_of(page, portal)
    main(page).get_by_role("link", name="Invite a colleague").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Email").fill(to)
    dialog.get_by_label("Role").select_option(role)
    dialog.get_by_role("button", name="Send invitation").click()
    page.wait_for_url("**/members/invitations/")


def mailed_link(portal, to: str) -> str:
    """The link in the mail to that address, once it has come: others are invited meanwhile."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for path in Path(portal.directory, "mail").glob("*"):
            mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            text = mail.get_body(("plain",))
            if mail["To"] == to and text and (found := LINK.search(text.get_content())):
                return portal.url + found[0]
        time.sleep(0.1)
    raise AssertionError(f"no invitation came to {to}")


def test_somebody_without_an_account_signs_up_from_the_mail_and_is_in(new_page, portal):
    admin, invited = new_page(), new_page()
    pages.sign_in(admin, portal, pages.ADMIN)
    invite(admin, portal, NEW)
    assert main(admin).get_by_text(f"The invitation to {NEW} is on its way").is_visible()
    assert main(admin).get_by_role("row", name=NEW).is_visible()

    invited.goto(mailed_link(portal, NEW))
    assert invited.get_by_role("heading", name="Join Fernbrook Clinic?").is_visible()
    assert invited.get_by_text(NEW).is_visible()
    invited.get_by_role("link", name="Sign up and accept").click()
    assert invited.get_by_label("Email").input_value() == NEW
    assert invited.get_by_label("Email").is_disabled()
    invited.get_by_label("First name").fill("Nora")
    invited.get_by_label("Last name").fill("New")
    for field in invited.locator("input[type=password]").all():
        field.fill(PASSWORD)
    invited.get_by_role("button", name="Sign up and accept").click()
    invited.wait_for_url("**/organizations/fernbrook-clinic/")
    assert main(invited).get_by_text("You belong to Fernbrook Clinic now").is_visible()
    members_of(invited, portal)
    assert main(invited).get_by_role("row", name="Nora New (you)").is_visible()
    assert not main(invited).get_by_role("link", name="Remove").count()

    members_of(admin, portal)
    row = main(admin).get_by_role("row", name=NEW)
    row.get_by_role("link", name="Remove").click()
    dialog = admin.get_by_role("dialog", name="Remove Nora New from Fernbrook Clinic?")
    dialog.get_by_role("button", name="Remove").click()
    assert main(admin).get_by_text("Nora New no longer belongs to Fernbrook Clinic").is_visible()
    assert invited.request.get(f"{portal.url}/organizations/fernbrook-clinic/").status == 404


def test_somebody_with_an_account_accepts_after_signing_in(new_page, portal):
    admin, invited = new_page(), new_page()
    pages.sign_in(admin, portal, pages.ADMIN)
    invite(admin, portal, pages.SOLO, "Admin")
    invited.goto(mailed_link(portal, pages.SOLO))
    invited.get_by_role("link", name="Sign in and accept").click()
    invited.fill("input[name=login]", pages.SOLO)
    invited.fill("input[name=password]", PASSWORD)
    main(invited).get_by_role("button", name="Sign In").click()
    invited.get_by_role("button", name="Accept").click()
    invited.wait_for_url("**/organizations/fernbrook-clinic/")
    assert main(invited).get_by_role("link", name="Audit").is_visible()


def test_a_list_is_looked_at_before_anything_is_sent(new_page, portal):
    page = new_page()
    pages.sign_in(page, portal, pages.ADMIN)
    members_of(page, portal)
    main(page).get_by_role("link", name="Invite from a list").click()
    page.get_by_label("CSV file").set_input_files(
        {
            "name": "people.csv",
            "mimeType": "text/csv",
            "buffer": f"email,role\n{NEW},admin\nnobody\nprovider@clinic.example,provider\n".encode(),
        }
    )
    page.get_by_role("button", name="Look at the list").click()
    assert page.get_by_role("heading", name="1 person will be invited").is_visible()
    for line, outcome in (
        (NEW, "Will be invited"),
        ("nobody", "no email"),
        ("provider@", "Already a member"),
    ):
        assert main(page).get_by_role("row", name=line).get_by_text(outcome).is_visible()
    page.get_by_role("button", name="Invite 1 person").click()
    page.wait_for_url("**/members/invitations/")
    assert main(page).get_by_role("row", name=NEW).get_by_text("Admin").is_visible()


def test_the_last_admin_hands_over_and_leaves(new_page, portal):
    page = new_page()
    pages.sign_in(page, portal, pages.ADMIN)
    members_of(page, portal)
    main(page).get_by_role("link", name="Leave", exact=True).click()
    page.get_by_role("dialog").get_by_role("link", name="Hand over").click()
    page.get_by_label("New admin").select_option("Paul Venndale")
    page.get_by_role("button", name="Hand over").click()
    page.wait_for_url("**/organizations/fernbrook-clinic/")
    assert main(page).get_by_text("Paul Venndale is an admin of Fernbrook Clinic now").is_visible()
    main(page).get_by_role("link", name="Leave this organization").click()
    main(page).get_by_role("button", name="Leave").click()
    page.wait_for_url(f"{portal.url}/")
    assert main(page).get_by_text("You have left Fernbrook Clinic").is_visible()
