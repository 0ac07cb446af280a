"""A patient, from being added to the answers that a clinician reads, beside a running phone."""

from playwright.sync_api import expect

from tests.browser import pages

# Longer than the longest pause between two questions of the page, on a busy machine.
TURNS = 45_000
PHONE = {"model": "Pixel 8", "platform": "android", "os_version": "14", "app_version": "3.2.0"}
CLINIC = "organizations/fernbrook-clinic"


def test_a_patient_is_added_signed_in_asked_and_read(page, portal, sign_in):
    sign_in(page, portal, pages.PROVIDER)
    page.goto(f"{portal.url}/{CLINIC}/patients/")
    page.get_by_role("link", name="Add a patient").click()
    for label, text in {
        "First name": "Oda",
        "Last name": "Winterfeld",
        "Phone number": "020 7946 0777",
    }.items():
        page.get_by_label(label).fill(text)
    page.get_by_role("button", name="Add patient").click()
    expect(page.get_by_role("heading", name="Oda Winterfeld")).to_be_visible()

    page.get_by_label("Questionnaire to answer").select_option(label="Morning diary")
    page.get_by_role("button", name="Enroll").click()
    expect(page.get_by_role("cell", name="Morning diary", exact=True)).to_be_visible()

    page.evaluate("window.wasNotReloaded = true")
    page.get_by_role("link", name="Authenticate Device").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").first.fill("Oda's phone")
    dialog.get_by_role("button", name="Make the link").click()
    link = dialog.get_by_label("The same as a link").input_value()
    phone = portal.phone("oda", **PHONE)
    phone.run("open", link)
    expect(dialog).to_contain_text("Oda's phone is Active", timeout=TURNS)
    dialog.get_by_role("link", name="Done").click()
    expect(page.locator(".device-table tbody tr")).to_contain_text("Active")
    expect(page.locator(".device-table tbody tr")).to_contain_text("Pixel 8")
    assert page.evaluate("window.wasNotReloaded")

    (asked,) = phone.run("sync")["questionnaires"]
    assert asked["resource"]["title"] == "Morning diary"
    phone.run("answer", asked["id"], "Restless", "yes", "3", "-", "Slept with the window open")
    assert phone.run("sync")["questionnaires"] == []

    page.reload()
    page.get_by_role("link", name="Morning diary").click()
    for answer in ("Restless", "Yes", "3", "Not answered", "Slept with the window open"):
        expect(page.get_by_role("definition").filter(has_text=answer).first).to_be_visible()

    page.goto(f"{portal.url}/{CLINIC}/patients/?q=020+7946+0777")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_contain_text("Oda Winterfeld")


def test_a_patients_own_portal_holds_what_is_theirs_alone(page, portal, sign_in):
    sign_in(page, portal, pages.PATIENT)
    navigation = page.get_by_role("navigation", name="Main").get_by_role("link")
    expect(navigation).to_have_text(["Dashboard", "Sessions"])
    page.goto(f"{portal.url}/settings/organization-view/")
    expect(page.get_by_role("heading", name="Fernbrook Clinic")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("Morning diary")
    for path in (CLINIC, f"{CLINIC}/patients", f"{CLINIC}/questionnaires", "billing", "organizations/new"):
        response = page.request.get(f"{portal.url}/{path}/")
        assert response.status == 404, path


def test_a_questionnaire_is_written_published_and_changed(page, portal, sign_in):
    sign_in(page, portal, pages.ADMIN)
    page.goto(f"{portal.url}/{CLINIC}/questionnaires/")
    page.get_by_role("link", name="New questionnaire").click()
    page.get_by_label("Title").fill("Wound diary")
    first = page.get_by_role("group", name="Question 1")
    first.get_by_label("Question").fill("How does the wound look?")
    expect(first.get_by_label("Choices")).to_be_hidden()
    first.get_by_label("Answer", exact=True).select_option(label="Choice")
    first.get_by_label("Choices").fill("Dry")
    page.get_by_role("button", name="Keep draft").click()
    expect(page.get_by_text("Give two choices or more").first).to_be_visible()
    page.get_by_role("group", name="Question 1").get_by_label("Choices").fill("Dry\nRed\nOpen")
    page.get_by_role("button", name="More questions").click()
    expect(page.get_by_role("group", name="Question 6")).to_be_visible()
    page.get_by_role("button", name="Keep draft").click()
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_text("Version 1 of Wound diary is published.", exact=False)).to_be_visible()

    page.get_by_role("link", name="Write the next version").click()
    page.get_by_role("group", name="Question 2").get_by_label("Question").fill("Does it hurt?")
    page.get_by_role("button", name="Keep draft").click()
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.locator("tbody tr").first).to_contain_text("Draft")
    expect(page.locator("tbody tr").last).to_contain_text("Published")
