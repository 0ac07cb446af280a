"""What must work before, and without, any script."""

from playwright.sync_api import expect

PERSON = "provider@clinic.example"


def test_a_device_is_revoked_without_script(new_page, portal, sign_in):
    page = new_page(java_script_enabled=False)
    sign_in(page, portal, PERSON)
    page.goto(f"{portal.url}/settings/devices/")
    revoke = page.get_by_role("main").get_by_role("link", name="Revoke")
    before = revoke.count()
    assert before > 0

    revoke.first.click()
    assert page.url.endswith("/revocation/")
    page.get_by_role("main").get_by_role("button", name="Revoke").click()

    expect(page.get_by_role("main")).to_contain_text("revoked")
    page.goto(f"{portal.url}/settings/devices/")
    expect(revoke).to_have_count(before - 1)


def test_signing_out_works_without_script(new_page, portal, sign_in):
    page = new_page(java_script_enabled=False)
    sign_in(page, portal, PERSON)
    page.goto(f"{portal.url}/accounts/logout/")
    page.get_by_role("main").get_by_role("button", name="Sign Out").click()

    page.goto(f"{portal.url}/settings/devices/")
    assert "/accounts/login/" in page.url
