"""Upgrade Plan in Chromium: from Billing over the comparison and the price to the invoice."""

import re

import pypdf
from playwright.sync_api import expect

from tests.browser import pages

FOCUSED = "document.activeElement.innerText || document.activeElement.value || ''"


def main(page):
    return page.get_by_role("main")


def tab_to(page, words: str) -> None:
    """Go there by Tab alone, as somebody without a mouse does."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if words in page.evaluate(FOCUSED):
            return
    raise AssertionError(f"{words} cannot be reached")


def open_with_keys(page, words: str) -> None:
    tab_to(page, words)
    page.keyboard.press("Enter")


def test_from_the_trial_to_individual_by_keyboard_alone(page, portal, tmp_path):
    pages.sign_in(page, portal, pages.TRIAL)
    open_with_keys(page, "Billing")
    page.wait_for_url(f"{portal.url}/billing/")
    expect(main(page)).to_contain_text("Free Trial")
    page.get_by_role("main").focus()
    open_with_keys(page, "Upgrade Plan")
    page.wait_for_url("**/billing/plans/")
    card = main(page).get_by_role("listitem").filter(has_text="Individual").first
    expect(card).to_contain_text("Charged today")
    expect(card).to_contain_text("€29.00 a month")
    page.get_by_role("main").focus()
    open_with_keys(page, "Choose Individual")
    page.wait_for_url("**/billing/plans/individual/")
    expect(main(page)).to_contain_text("Total today")
    page.get_by_role("main").focus()
    open_with_keys(page, "Upgrade to Individual for €29.00")

    # At once: plan, quota, renewal and invoice.
    page.wait_for_url(f"{portal.url}/billing/")
    expect(main(page)).to_contain_text("You are on Individual from now on.")
    expect(main(page)).to_contain_text("0 of 200 sessions used")
    row = main(page).get_by_role("row", name=re.compile("MM-"))
    expect(row).to_contain_text("€29.00")
    expect(row).to_contain_text("Open")
    with page.expect_download() as told:
        row.get_by_role("link", name=re.compile("Download")).click()
    assert re.fullmatch(r"MM-\d{4}-\d{6}\.pdf", told.value.suggested_filename)
    told.value.save_as(tmp_path / "invoice.pdf")
    text = pypdf.PdfReader(tmp_path / "invoice.pdf").pages[0].extract_text()
    assert "Jonas Trellinger" in text
    assert "€29.00" in text


def test_team_is_bought_for_an_organization_that_is_named_on_the_way(page, portal):
    pages.sign_in(page, portal, pages.TRIAL)
    page.goto(f"{portal.url}/billing/plans/")
    main(page).get_by_role("link", name="Choose Team").click()
    page.get_by_label("Name").fill("Hillside Practice")
    main(page).get_by_role("button", name="Buy Team for €49.00").click()
    page.wait_for_url("**/organizations/hillside-practice*/billing/")
    expect(main(page)).to_contain_text("Hillside Practice is there on Team")
    expect(main(page)).to_contain_text("0 of 500 sessions used")


def test_cancelled_and_kept_after_all(page, portal):
    pages.sign_in(page, portal, pages.SOLO)
    page.goto(f"{portal.url}/billing/")
    main(page).get_by_role("link", name="Cancel plan").click()
    expect(main(page)).to_contain_text("What no longer fits")
    main(page).get_by_role("button", name="Cancel Individual").click()
    page.wait_for_url(f"{portal.url}/billing/")
    expect(main(page)).to_contain_text("the plan ends on")
    main(page).get_by_role("link", name="Keep Individual").click()
    main(page).get_by_role("button", name="Keep Individual").click()
    page.wait_for_url(f"{portal.url}/billing/")
    expect(main(page)).to_contain_text("Individual goes on.")
    expect(main(page)).not_to_contain_text("the plan ends on")
