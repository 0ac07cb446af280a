"""Inviting in Chromium: from the dialog over the mail to the invited one's first look at the organization."""

from playwright.sync_api import expect

from tests.browser import pages
from tests.browser.mails import mailed_link
from tests.browser.portal import PASSWORD

LINK = r"/invitations/[\w-]{20,}/"
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
    # The clinic has no seat free, so it is asked first.
    page.get_by_label("Add seats as people join").check()
    page.get_by_role("button", name="Send invitation").click()
    page.wait_for_url("**/members/invitations/")


def test_somebody_without_an_account_signs_up_from_the_mail_and_is_in(new_page, portal):
    admin, invited = new_page(), new_page()
    pages.sign_in(admin, portal, pages.ADMIN)
    invite(admin, portal, NEW)
    expect(main(admin).get_by_text(f"The invitation to {NEW} is on its way")).to_be_visible()
    expect(main(admin).get_by_role("row", name=NEW)).to_be_visible()

    invited.goto(mailed_link(portal, LINK, NEW))
    expect(invited.get_by_role("heading", name="Join Fernbrook Clinic?")).to_be_visible()
    expect(invited.get_by_text(NEW)).to_be_visible()
    invited.get_by_role("link", name="Sign up and accept").click()
    expect(invited.get_by_label("Email")).to_have_value(NEW)
    expect(invited.get_by_label("Email")).to_be_disabled()
    invited.get_by_label("First name").fill("Nora")
    invited.get_by_label("Last name").fill("New")
    for field in invited.locator("input[type=password]").all():
        field.fill(PASSWORD)
    invited.get_by_role("button", name="Sign up and accept").click()
    invited.wait_for_url("**/organizations/fernbrook-clinic/")
    expect(main(invited).get_by_text("You belong to Fernbrook Clinic now")).to_be_visible()
    members_of(invited, portal)
    expect(main(invited).get_by_role("row", name="Nora New (you)")).to_be_visible()
    expect(main(invited).get_by_role("link", name="Remove")).to_have_count(0)

    members_of(admin, portal)
    row = main(admin).get_by_role("row", name=NEW)
    row.get_by_role("link", name="Remove").click()
    dialog = admin.get_by_role("dialog", name="Remove Nora New from Fernbrook Clinic?")
    dialog.get_by_role("button", name="Remove").click()
    expect(main(admin).get_by_text("Nora New no longer belongs to Fernbrook Clinic")).to_be_visible()
    assert invited.request.get(f"{portal.url}/organizations/fernbrook-clinic/").status == 404


def test_somebody_with_an_account_accepts_after_signing_in(new_page, portal):
    admin, invited = new_page(), new_page()
    pages.sign_in(admin, portal, pages.ADMIN)
    invite(admin, portal, pages.SOLO, "Admin")
    invited.goto(mailed_link(portal, LINK, pages.SOLO))
    invited.get_by_role("link", name="Sign in and accept").click()
    invited.fill("input[name=login]", pages.SOLO)
    invited.fill("input[name=password]", PASSWORD)
    main(invited).get_by_role("button", name="Sign In").click()
    invited.get_by_role("button", name="Accept").click()
    invited.wait_for_url("**/organizations/fernbrook-clinic/")
    expect(main(invited).get_by_role("link", name="Audit")).to_be_visible()


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
    expect(page.get_by_role("heading", name="1 person will be invited")).to_be_visible()
    for line, outcome in (
        (NEW, "Will be invited"),
        ("nobody", "no email"),
        ("provider@", "Already a member"),
    ):
        expect(main(page).get_by_role("row", name=line).get_by_text(outcome)).to_be_visible()
    page.get_by_label("Add seats as people join").check()
    page.get_by_role("button", name="Invite 1 person").click()
    page.wait_for_url("**/members/invitations/")
    expect(main(page).get_by_role("row", name=NEW).get_by_text("Admin")).to_be_visible()


def test_the_last_admin_hands_over_and_leaves(new_page, portal):
    page = new_page()
    pages.sign_in(page, portal, pages.ADMIN)
    members_of(page, portal)
    main(page).get_by_role("link", name="Leave", exact=True).click()
    page.get_by_role("dialog").get_by_role("link", name="Hand over").click()
    page.get_by_label("New admin").select_option("Paul Venndale")
    page.get_by_role("button", name="Hand over").click()
    page.wait_for_url("**/organizations/fernbrook-clinic/")
    expect(main(page).get_by_text("Paul Venndale is an admin of Fernbrook Clinic now")).to_be_visible()
    main(page).get_by_role("link", name="Leave this organization").click()
    main(page).get_by_role("button", name="Leave").click()
    page.wait_for_url(f"{portal.url}/")
    expect(main(page).get_by_text("You have left Fernbrook Clinic")).to_be_visible()
