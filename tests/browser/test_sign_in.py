"""Signing in as people do: with passkeys, with a trusted browser, and until it ends by itself."""

import contextlib
import re
import time

import pytest
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page, expect

from tests.browser import pages
from tests.browser.portal import PASSWORD, Portal, running

SECURITY = "/settings/security/"


class Keys:
    """The authenticator of one browser."""

    def __init__(self, page: Page) -> None:
        self.session = page.context.new_cdp_session(page)
        self.session.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        answer = self.session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        self.id = answer["authenticatorId"]

    def held(self) -> list[dict]:
        return self.session.send("WebAuthn.getCredentials", {"authenticatorId": self.id})["credentials"]

    def refuse(self, is_refusing: bool = True) -> None:
        """As if the finger were the wrong one."""
        fact = {"authenticatorId": self.id, "isUserVerified": not is_refusing}
        self.session.send("WebAuthn.setUserVerified", fact)


def give_password(page: Page, portal: Portal, person: str, *, is_trusted: bool = False) -> None:
    page.goto(f"{portal.url}/accounts/login/")
    page.get_by_label("Email").fill(person)
    page.locator("input[name=password]").fill(PASSWORD)
    if is_trusted:
        page.get_by_label("Trust this browser").check()
    page.get_by_role("button", name="Sign In", exact=True).click()


def sign_out(page: Page) -> None:
    page.locator("button.account").click()
    page.get_by_role("main").page.get_by_role("button", name="Sign Out").first.click()
    page.wait_for_url("**/accounts/login/**")


def add_passkey(page: Page, portal: Portal) -> None:
    page.goto(portal.url + SECURITY)
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Name").fill("Work laptop")
    page.get_by_role("button", name="Add Passkey").click()
    page.wait_for_url("**/recovery-codes/")


def test_a_passkey_is_enrolled_signs_in_alone_and_as_second_factor(page, portal):
    keys = Keys(page)
    give_password(page, portal, pages.SOLO)
    page.wait_for_url(f"{portal.url}/")
    add_passkey(page, portal)
    [credential] = keys.held()
    assert credential["isResidentCredential"]
    expect(page.get_by_role("list", name="Unused recovery codes").get_by_role("listitem")).to_have_count(10)

    sign_out(page)
    page.goto(f"{portal.url}/accounts/login/?next={SECURITY}")
    page.get_by_role("button", name="Use a Passkey").click()
    page.wait_for_url(portal.url + SECURITY)
    expect(page.get_by_text("Signed in with passkey")).to_be_visible()

    sign_out(page)
    give_password(page, portal, pages.SOLO)
    page.wait_for_url("**/2fa/authenticate/")
    page.get_by_role("button", name="Use Passkey").click()
    page.wait_for_url(f"{portal.url}/")

    page.goto(portal.url + SECURITY)
    page.get_by_role("link", name=re.compile("Remove.*Work laptop")).click()
    page.get_by_role("button", name="Remove Passkey").click()
    expect(page.get_by_text("The passkey is removed.")).to_be_visible()
    sign_out(page)
    page.get_by_role("button", name="Use a Passkey").click()
    expect(page.get_by_text("did not work")).to_be_visible()


def test_a_refused_passkey_says_so_and_can_be_tried_again_by_keyboard(page, portal):
    keys = Keys(page)
    give_password(page, portal, pages.SOLO)
    page.wait_for_url(f"{portal.url}/")
    add_passkey(page, portal)
    sign_out(page)
    keys.refuse()
    button = page.get_by_role("button", name="Use a Passkey")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("No passkey was used")
    keys.refuse(False)
    button.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"{portal.url}/")


class TestAdmin:
    """Reached only after a factor was shown in this very sign-in."""

    def refused(self, page: Page, portal: Portal) -> str:
        """Where /admin/ leads."""
        page.goto(f"{portal.url}/admin/")
        assert "/admin/" not in page.url.partition("?")[0]
        return page.url.removeprefix(portal.url).partition("?")[0]

    def test_with_the_password_alone_leads_to_setting_a_factor_up(self, page, portal):
        give_password(page, portal, pages.SUPPORT)
        page.wait_for_url("**/second-factor/")
        assert self.refused(page, portal) == "/settings/security/second-factor/"

    def test_after_a_factor_it_opens_and_neither_trust_nor_a_deleted_factor_does(self, page, portal):
        Keys(page)
        give_password(page, portal, pages.SUPPORT)
        page.wait_for_url("**/second-factor/")
        page.get_by_role("link", name="Add a passkey").click()
        page.get_by_role("button", name="Add Passkey").click()
        page.wait_for_url("**/recovery-codes/")
        page.goto(f"{portal.url}/admin/")
        assert page.url == f"{portal.url}/admin/"

        # Trusted after a factor: the next sign-in asks for none, and the admin does.
        page.goto(portal.url)
        sign_out(page)
        give_password(page, portal, pages.SUPPORT, is_trusted=True)
        page.wait_for_url("**/2fa/authenticate/")
        page.get_by_role("button", name="Use Passkey").click()
        page.wait_for_url(f"{portal.url}/")
        sign_out(page)
        give_password(page, portal, pages.SUPPORT)
        page.wait_for_url(f"{portal.url}/")
        assert self.refused(page, portal) == "/accounts/2fa/webauthn/reauthenticate/"
        page.get_by_role("button", name="Use Passkey").click()
        page.wait_for_url(f"{portal.url}/admin/")

        # The factor goes, and the way in with it.
        page.goto(portal.url + SECURITY)
        page.get_by_role("link", name=re.compile("Remove.*Passkey 1")).click()
        page.get_by_role("button", name="Remove Passkey").click()
        page.wait_for_url(f"{portal.url}{SECURITY}")
        assert self.refused(page, portal) == "/settings/security/second-factor/"


class TestIdle:
    """A sign-in of sixteen seconds, which warns eight seconds before its end."""

    @pytest.fixture
    def hasty(self, databases, tmp_path, monkeypatch):
        monkeypatch.setattr(databases, "environment", databases.environment | {"SIGN_IN_IDLE_SECONDS": "16"})
        with running(databases, tmp_path / "hasty") as portal:
            yield portal

    def test_warns_is_extended_by_keyboard_in_every_tab_and_then_leaves_nothing(self, page, hasty):
        give_password(page, hasty, pages.SOLO)
        page.wait_for_url(f"{hasty.url}/")
        page.goto(f"{hasty.url}/settings/")
        other = page.context.new_page()
        other.goto(hasty.url + SECURITY)
        warning = page.get_by_role("dialog", name="Are you still there?")
        expect(warning).to_be_visible()
        expect(other.get_by_role("dialog", name="Are you still there?")).to_be_visible()
        page.bring_to_front()
        expect(page.get_by_role("button", name="Stay signed in")).to_be_focused()
        page.keyboard.press("Enter")
        expect(warning).to_be_hidden()
        expect(other.get_by_role("dialog", name="Are you still there?")).to_be_hidden()

        # Nobody is there any more.
        for tab in (page, other):
            tab.wait_for_url("**/accounts/login/**")
            assert "Mirela" not in tab.content()
        assert any("was not used for a while" in tab.content() for tab in (page, other))
        # Whoever comes next gets none of it, whatever stands in the address.
        page.get_by_label("Email").fill(pages.TRIAL)
        page.locator("input[name=password]").fill(PASSWORD)
        page.get_by_role("button", name="Sign In", exact=True).click()
        page.wait_for_url(f"{hasty.url}/")

    def test_typing_keeps_it_alive(self, page, hasty):
        give_password(page, hasty, pages.SOLO)
        page.wait_for_url(f"{hasty.url}/")
        page.goto(f"{hasty.url}/settings/")
        field = page.get_by_label("Display name")
        until = time.monotonic() + 24
        while time.monotonic() < until:
            field.press_sequentially("a")
            page.wait_for_timeout(1500)
        expect(page.get_by_role("dialog")).to_have_count(0)
        page.reload()
        assert page.url == f"{hasty.url}/settings/"


def test_another_person_in_another_tab_leaves_nothing_of_the_first(page, portal):
    give_password(page, portal, pages.SOLO)
    page.wait_for_url(f"{portal.url}/")
    first = page
    first.goto(portal.url + SECURITY)
    second = page.context.new_page()
    second.goto(portal.url)
    sign_out(second)
    give_password(second, portal, pages.TRIAL)
    second.wait_for_url(f"{portal.url}/")
    first.bring_to_front()
    # Where coming to the front was enough, the page is leaving already.
    with contextlib.suppress(PlaywrightError):
        first.evaluate("dispatchEvent(new Event('focus'))")
    expect(first.get_by_text("Mirela")).to_have_count(0)
