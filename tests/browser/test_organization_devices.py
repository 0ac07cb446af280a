"""An admin at work among the organization's devices, in Chromium."""

import pytest
from playwright.sync_api import expect

from tests.browser.pages import ADMIN, ASKED, CLINIC_DEVICES, HOSPITAL_DEVICES, UNLIMITED, sign_in

pytestmark = pytest.mark.browser


def test_a_bar_filters_the_list_and_a_revocation_can_be_taken_back(page, portal):
    sign_in(page, portal, ADMIN)
    page.goto(f"{portal.url}/{CLINIC_DEVICES}")
    page.get_by_role("link", name="Android 14").click()
    rows = page.locator(".is-fleet tbody tr")
    expect(rows).to_have_count(3)
    name = "Kira's Pixel"
    rows.filter(has_text=name).get_by_role("link", name="Revoke").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Kira Ostermoor is told by e-mail.")
    dialog.get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("status")).to_contain_text("is revoked and signed out")
    row = page.locator(".is-fleet tbody tr").filter(has_text=name)
    expect(row).to_contain_text("revoked by the organization")
    row.get_by_role("link", name="Allow again").click()
    page.get_by_role("dialog").get_by_role("button", name="Allow again").click()
    expect(page.locator(".is-fleet tbody tr").filter(has_text=name)).to_contain_text("allowed again")


def test_several_are_revoked_after_a_look_at_whom_it_touches(page, portal):
    sign_in(page, portal, ADMIN)
    page.goto(f"{portal.url}/{CLINIC_DEVICES}?q=tobin")
    button = page.get_by_role("button", name="Revoke selected")
    expect(button).to_be_disabled()
    page.get_by_label("Select this page").check()
    expect(button).to_contain_text("(2)")
    button.click()
    expect(page.get_by_role("heading", name="Revoke 2 devices?")).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(2)
    page.get_by_role("button", name="Revoke 2 devices").click()
    expect(page.get_by_role("heading", name="2 devices are revoked")).to_be_visible()


def test_a_member_lets_a_device_into_the_pool_and_gets_it_back(page, portal):
    sign_in(page, portal, ASKED)
    page.goto(f"{portal.url}/settings/devices/")
    page.get_by_role("link", name="Answer").click()
    page.get_by_role("dialog").get_by_role("button", name="Accept").click()
    expect(page.get_by_role("main")).to_contain_text("Exam room 4 · Hollin Hill Hospital")
    page.context.clear_cookies()
    sign_in(page, portal, UNLIMITED)
    page.goto(f"{portal.url}/{HOSPITAL_DEVICES}?pooled=yes")
    page.get_by_role("link", name="Exam room 4", exact=True).click()
    page.get_by_role("link", name="Give back").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Imre Castellow").check()
    dialog.get_by_role("button", name="Give back").click()
    expect(page.get_by_role("status")).to_contain_text("belongs to Imre Castellow now")


def test_a_policy_is_looked_at_before_it_is_saved(page, portal):
    sign_in(page, portal, ADMIN)
    page.goto(f"{portal.url}/organizations/fernbrook-clinic/policies/")
    page.get_by_label("Lowest app version on iPadOS").fill("9.9")
    page.get_by_role("button", name="Show whom it touches").click()
    expect(page.get_by_role("main")).to_contain_text("Consulting room iPad")
    page.get_by_role("button", name="Save policy").click()
    expect(page.get_by_role("status")).to_contain_text("The policy is saved.")
    page.goto(f"{portal.url}/{CLINIC_DEVICES}?platform=ipados")
    expect(page.locator(".mark").first).to_contain_text("App below 9.9")
