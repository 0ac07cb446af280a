"""Single sign-on in a browser: over a real provider, there and back, on pages that are looked at."""

import copy

import pytest
from playwright.sync_api import expect

from tests.browser import components
from tests.browser.portal import PASSWORD, running
from tests.browser.test_accessibility import NARROW, RUN_AXE, SIDEWAYS, WCAG
from tests.oidc import provider as oidc

PERSON = "solo@demo.example"


@pytest.fixture(scope="module")
def provider():
    with oidc.running() as provider:
        yield provider


@pytest.fixture
def portal(databases, provider, tmp_path):
    """A portal with that provider, and one that is away."""
    configured = copy.copy(databases)
    configured.environment = databases.environment | {
        "OIDC_PROVIDERS": "clinic,away",
        "OIDC_CLINIC_NAME": "Lakeside ID",
        "OIDC_CLINIC_ISSUER": provider.url,
        "OIDC_CLINIC_CLIENT_ID": "portal",
        "OIDC_CLINIC_CLIENT_SECRET": "not a secret",
        "OIDC_AWAY_NAME": "Hilltop ID",
        "OIDC_AWAY_ISSUER": "http://localhost:9",
        "OIDC_AWAY_CLIENT_ID": "portal",
        "OIDC_AWAY_CLIENT_SECRET": "not a secret",
    }
    with running(configured, tmp_path / "portal") as portal:
        yield portal


def look_at(page) -> None:
    """As tests.browser.test_accessibility does, on the page as it is."""
    page.evaluate(components.AXE.read_text())
    assert page.evaluate(RUN_AXE, WCAG) == []
    before = page.viewport_size
    page.set_viewport_size(NARROW)
    assert page.evaluate(SIDEWAYS) <= 0
    page.set_viewport_size(before)


def sign_in_by_password(page, portal) -> None:
    """With other buttons that say "Sign in" beside the one."""
    page.goto(f"{portal.url}/accounts/login/")
    page.fill("input[name=login]", PERSON)
    page.fill("input[name=password]", PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign In", exact=True).click()
    page.wait_for_url(f"{portal.url}/")


def as_there(page, provider, sub: str) -> None:
    """Say at the provider who one is."""
    page.wait_for_url(f"{provider.url}/**")
    page.fill("input[name=sub]", sub)
    page.get_by_role("button", name="Authorize").click()


def test_a_newcomer_gets_an_account_and_a_member_connects_theirs(new_page, portal, provider, console):
    # The provider's own page takes its looks from elsewhere.
    console.expect("ERR_|Failed to load|Content Security Policy.*localhost")
    provider.user(
        "anna", email="anna@lakeside.example", email_verified=True, given_name="Anna", family_name="Nowak"
    )
    page = new_page()
    page.goto(f"{portal.url}/accounts/login/")
    look_at(page)
    page.get_by_role("button", name="Sign in with Lakeside ID").click()
    as_there(page, provider, "anna")
    page.wait_for_url(f"{portal.url}/")
    expect(page.locator("button.account")).to_contain_text("Anna Nowak")

    # What asks for a proof of just now asks her for a factor first: she has no password.
    page.goto(f"{portal.url}/settings/security/sign-out-everywhere/")
    page.wait_for_url("**/settings/security/second-factor/**")

    member = new_page()
    sign_in_by_password(member, portal)
    member.goto(f"{portal.url}/accounts/3rdparty/")
    look_at(member)
    member.locator("section", has_text="Lakeside ID").get_by_role("button").click()
    provider.user("sara", email="somebody@lakeside.example", email_verified=True)
    as_there(member, provider, "sara")
    member.wait_for_url("**/accounts/3rdparty/")
    expect(member.get_by_role("main")).to_contain_text("Connected")
    look_at(member)

    again = new_page()
    again.goto(f"{portal.url}/accounts/login/?next=/settings/activity/")
    again.get_by_role("button", name="Sign in with Lakeside ID").click()
    as_there(again, provider, "sara")
    again.wait_for_url("**/settings/activity/")
    expect(again.get_by_role("main")).to_contain_text("Signed in with")


def test_who_refuses_there_or_finds_the_provider_away_reads_what_to_do(new_page, portal, provider, console):
    console.expect("ERR_|Failed to load|503|401")
    page = new_page(java_script_enabled=True)
    page.goto(f"{portal.url}/accounts/login/")
    page.get_by_role("button", name="Sign in with Hilltop ID").click()
    expect(page.get_by_role("main")).to_contain_text("Hilltop ID does not answer at the moment")
    look_at(page)
    page.get_by_role("link", name="Sign In").click()
    sign_in_by_password(page, portal)


def test_what_a_provider_does_not_tell_is_asked(new_page, portal, provider, console):
    console.expect("ERR_|Failed to load")
    provider.user("carl", email="carl@lakeside.example", email_verified=True)
    page = new_page(java_script_enabled=False)
    page.goto(f"{portal.url}/accounts/oidc/clinic/login/")
    page.get_by_role("button", name="Go on").click()
    as_there(page, provider, "carl")
    page.wait_for_url("**/accounts/3rdparty/signup/")
    page.get_by_label("First name").fill("Carl")
    page.get_by_label("Last name").fill("Vogel")
    page.get_by_role("main").get_by_role("button", name="Sign up").click()
    page.wait_for_url(f"{portal.url}/")
