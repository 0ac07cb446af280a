"""Authenticate Device, from the button to the row that turns Active, beside a running phone."""

import io
import re
import subprocess
import time

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser import pages
from tests.browser.pages import authentication_dialog, link_dialog
from tests.browser.portal import Portal
from tests.browser.waiting import PATIENCE, Clock

IPHONE = {"model": "iPhone 15 Pro Max", "platform": "ios", "os_version": "17.4", "app_version": "3.2.0"}
PERSON = pages.UNLIMITED
NAME = "Work phone"
# Whether the focus is in the dialog (or on the browser's own controls), and on what.
FOCUS = """() => {
    const here = document.activeElement;
    const words = here.getAttribute("aria-label") ?? here.textContent.trim();
    return [Boolean(here.closest("dialog")) || here === document.body, words];
}"""
# Longer than the longest pause between two questions of the page, on a busy machine.
TURNS = 45_000


def scanned(page: Page) -> str:
    """What a camera reads off the screen."""
    picture = Image.open(io.BytesIO(page.screenshot()))
    found = zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormat.QRCode)
    assert len(found) == 1, "no code on the screen, or several"
    return found[0].text


def scanned_once(page: Page) -> str:
    """The same, as soon as there is a code."""
    page.locator(".qr").wait_for()
    return scanned(page)


def row(page: Page, name: str = NAME):
    return page.locator(".is-devices tbody tr").filter(has_text=name)


def make_link(page: Page, name: str = NAME) -> None:
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=False).first.fill(name)
    dialog.get_by_role("button", name="Make the link").click()
    dialog.get_by_label("The same as a link").wait_for()


def texts(portal: Portal, kind: str) -> str:
    """What went out as mails or texts, once any did."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = [path.read_text() for path in (portal.directory / kind).glob("*")]
        if any("medipal" in text for text in found):
            return "\n".join(found).replace("=\n", "").replace("=3D", "=")
        time.sleep(0.1)
    raise AssertionError(f"nothing came by {kind}")


def test_a_scanned_code_turns_the_row_active_without_a_reload(page, portal, sign_in):
    sign_in(page, portal, PERSON)
    authentication_dialog(page, portal)
    dialog = page.get_by_role("dialog", name="Authenticate Device")
    expect(dialog).to_contain_text("Helena")
    expect(dialog).to_contain_text("Drosswick")
    expect(dialog.get_by_label("Phone number")).not_to_have_value("")
    page.evaluate("window.wasNotReloaded = true")
    make_link(page)
    expect(page.get_by_role("dialog", name=f"Sign in on {NAME}")).to_be_visible()
    expect(row(page)).to_contain_text("Inactive")
    expect(page.get_by_role("dialog")).to_contain_text("Good for another 24 hours")

    link = scanned(page)
    expect(page.get_by_label("The same as a link")).to_have_value(link)
    portal.phone("helena", **IPHONE).run("open", link)

    expect(page.get_by_role("dialog")).to_contain_text(f"{NAME} is Active", timeout=TURNS)
    for fact in ("Active", "iPhone 15 Pro Max", "iOS 17.4", "3.2.0"):
        expect(row(page)).to_contain_text(fact)
    expect(row(page)).not_to_contain_text("Inactive")
    page.get_by_role("dialog").get_by_role("link", name="Done").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert page.evaluate("window.wasNotReloaded")


def test_the_row_turns_active_with_the_dialog_closed(page, portal, sign_in):
    sign_in(page, portal, PERSON)
    authentication_dialog(page, portal)
    make_link(page)
    link = page.get_by_label("The same as a link").input_value()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Authenticate Device").first).to_be_focused()

    portal.phone("helena", **IPHONE).run("open", link)

    expect(row(page)).to_contain_text("iPhone 15 Pro Max", timeout=TURNS)
    expect(page.locator(".messages[role=status]")).to_contain_text(f"{NAME}: Active")


def test_asks_little_and_nothing_while_nobody_looks(page, portal, sign_in):
    clock = Clock(page)
    sign_in(page, portal, PERSON)
    asked: list[tuple[int, int]] = []
    page.on(
        "response",
        lambda answer: (
            answer.url.endswith("/state/")
            and asked.append((answer.status, int(answer.headers.get("content-length", 0))))
        ),
    )
    link_dialog(page, portal)
    clock.stop()
    asked.clear()
    clock.pass_by(9)
    # After 2 s, and then a little more seldom each time; empty answers.
    assert 2 <= len(asked) <= 4
    assert {status for status, _ in asked} == {304}
    assert {size for _, size in asked} == {0}

    page.evaluate("""() => {
        Object.defineProperty(document, "hidden", {get: () => window.isHidden, configurable: true});
        window.isHidden = true;
    }""")
    asked.clear()
    clock.pass_by(60)
    assert asked == []
    page.evaluate("window.isHidden = false; document.dispatchEvent(new Event('visibilitychange'))")
    clock.pass_by(3.5)
    assert asked


EXPIRE = """
from django.utils import timezone
from devices.models import Registration
Registration.objects.update(expires_at=timezone.now())
"""


def test_an_expired_link_is_told_of_once_and_asked_about_no_more(page, portal, sign_in):
    clock = Clock(page)
    sign_in(page, portal, PERSON)
    authentication_dialog(page, portal)
    make_link(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    assert portal.manage("shell", "--no-imports", "-c", EXPIRE).returncode == 0
    expect(page.get_by_role("dialog")).to_contain_text("no longer good", timeout=TURNS)
    expect(row(page)).to_contain_text("link expired")
    clock.stop()
    asked.clear()
    clock.pass_by(60)
    assert asked == []
    clock.go_on()

    page.get_by_role("dialog").get_by_role("button", name="Issue anew").click()
    portal.phone("helena", **IPHONE).run("open", scanned_once(page))
    expect(page.get_by_role("dialog")).to_contain_text(f"{NAME} is Active", timeout=TURNS)
    expect(row(page)).to_contain_text("Active")


def test_by_mail_and_by_text(page, portal, sign_in):
    sign_in(page, portal, PERSON)
    link = link_dialog(page, portal)
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Send by e-mail").click()
    expect(dialog.get_by_role("status").first).to_contain_text(f"on its way to {PERSON}")
    assert link in texts(portal, "mail")
    dialog.get_by_role("button", name="Send by SMS").click()
    expect(dialog.get_by_role("status").first).to_contain_text("on its way to +44")
    assert link in texts(portal, "sms")
    # It is the same link still.
    expect(dialog.get_by_label("The same as a link")).to_have_value(link)


def test_copied(page, portal, sign_in):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    sign_in(page, portal, PERSON)
    link = link_dialog(page, portal)
    page.get_by_role("dialog").get_by_role("button", name="Copy").click()
    expect(page.get_by_role("dialog").get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == link


def test_issued_anew_the_old_link_is_of_no_use(page, portal, sign_in):
    sign_in(page, portal, PERSON)
    authentication_dialog(page, portal)
    make_link(page)
    old = page.get_by_label("The same as a link").input_value()
    page.get_by_role("dialog").get_by_role("button", name="Issue anew").click()
    expect(page.get_by_label("The same as a link")).not_to_have_value(old)
    assert portal.phone("helena", **IPHONE).refused("open", old)["code"] == "registration_cancelled"
    expect(row(page)).to_have_count(1)
    portal.phone("helena", **IPHONE).run("open", scanned(page))
    expect(page.get_by_role("dialog")).to_contain_text(f"{NAME} is Active", timeout=TURNS)


def test_cancelled_in_the_dialog(page, portal, sign_in):
    sign_in(page, portal, PERSON)
    authentication_dialog(page, portal)
    make_link(page)
    link = page.get_by_label("The same as a link").input_value()
    page.get_by_role("dialog").get_by_role("link", name="Cancel link").click()
    question = page.get_by_role("dialog", name=f"Cancel the link for {NAME}?")
    question.get_by_role("button", name="Cancel link").click()
    expect(page.get_by_role("main")).to_contain_text("is cancelled")
    expect(row(page)).to_have_count(0)
    assert portal.phone("helena", **IPHONE).refused("open", link)["code"] == "registration_cancelled"


def digits_on(phone: subprocess.Popen) -> str:
    """What the screen of a phone shows that waits to be confirmed."""
    for line in phone.stderr:
        if found := re.search(r'"digits": "(\d\d)"', line):
            return found[1]
    raise AssertionError("it shows no digits")


@pytest.fixture
def asked_for_digits(page, portal, sign_in):
    """The dialog asks for the digits of a phone that waits."""
    sign_in(page, portal, PERSON)
    page.goto(f"{portal.url}/settings/security/device-confirmation/")
    page.get_by_role("main").get_by_role("button", name="Confirm by digits").click()
    authentication_dialog(page, portal)
    make_link(page)
    phone = portal.phone("helena", **IPHONE).start("open", scanned(page))
    page.get_by_role("group", name="Pick the digits").wait_for(timeout=TURNS)
    expect(page.get_by_role("dialog", name="Is this your device?")).to_contain_text("iPhone 15 Pro Max")
    yield phone
    phone.kill()
    phone.communicate()


def test_picked_digits_let_the_phone_in(page, asked_for_digits):
    page.get_by_role("dialog").get_by_role("button", name=digits_on(asked_for_digits), exact=True).click()
    expect(page.get_by_role("dialog")).to_contain_text(f"{NAME} is Active")
    expect(row(page)).to_contain_text("iPhone 15 Pro Max")
    out, _ = asked_for_digits.communicate(timeout=60)
    assert asked_for_digits.returncode == 0
    assert '"device_status_id": "ACTIVE"' in out


def test_wrong_digits_end_its_sign_in(page, asked_for_digits):
    right = digits_on(asked_for_digits)
    pairs = page.get_by_role("group", name="Pick the digits").get_by_role("button").all_inner_texts()
    wrong = next(pair for pair in pairs if pair != right)
    page.get_by_role("dialog").get_by_role("button", name=wrong, exact=True).click()
    expect(page.get_by_role("dialog")).to_contain_text("other digits than the device shows")
    expect(row(page)).to_have_count(0)
    _, errors = asked_for_digits.communicate(timeout=60)
    assert asked_for_digits.returncode == 1
    assert "confirmation_refused" in errors


def test_without_script_all_of_it_is_plain_pages(new_page, portal, sign_in):
    page = new_page(java_script_enabled=False)
    sign_in(page, portal, PERSON)
    page.goto(f"{portal.url}/settings/devices/")
    page.get_by_role("main").get_by_role("link", name="Authenticate Device").first.click()
    page.get_by_label("Name", exact=False).first.fill(NAME)
    page.get_by_role("button", name="Make the link").click()
    page.get_by_role("button", name="Send by e-mail").click()
    expect(page.get_by_role("main")).to_contain_text(f"on its way to {PERSON}")
    page.get_by_role("button", name="Issue anew").click()
    expect(page.get_by_role("main")).to_contain_text("Good once, until")
    portal.phone("helena", **IPHONE).run("open", scanned(page))

    page.get_by_role("link", name="Done").click()
    expect(row(page)).to_contain_text("iPhone 15 Pro Max")
    expect(row(page)).to_contain_text("Active")


def test_digits_are_picked_without_script(new_page, portal, sign_in):
    page = new_page(java_script_enabled=False)
    sign_in(page, portal, PERSON)
    page.goto(f"{portal.url}/settings/security/device-confirmation/")
    page.get_by_role("main").get_by_role("button", name="Confirm by digits").click()
    page.goto(f"{portal.url}/settings/devices/authentication/")
    page.get_by_role("button", name="Make the link").click()
    asked = pages.use_link(portal, page.get_by_label("The same as a link").input_value())
    page.get_by_role("link", name="Done").click()
    page.get_by_role("link", name=re.compile("confirm it by its digits")).click()
    page.get_by_role("main").get_by_role("button", name=asked["digits"], exact=True).click()
    expect(page.get_by_role("main")).to_contain_text("is Active")


def test_by_keyboard_alone(page, portal, sign_in):
    sign_in(page, portal, PERSON)
    page.goto(f"{portal.url}/settings/devices/")
    opener = page.get_by_role("main").get_by_role("link", name="Authenticate Device").first
    opener.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.locator(".dialog-title")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.type(NAME)
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name=f"Sign in on {NAME}")).to_be_visible()
    expect(dialog.locator(".dialog-title")).to_be_focused()

    # Everything can be reached, nothing behind the dialog.
    reached = []
    for _ in range(12):
        page.keyboard.press("Tab")
        inside, words = page.evaluate(FOCUS)
        assert inside
        reached.append(re.sub(r"\s+", " ", words))
    for words in (
        "code for a camera",
        "Copy",
        "Send by e-mail",
        "Send by SMS",
        "Issue anew",
        "Cancel link",
        "Done",
    ):
        assert any(words in one for one in reached), (words, reached)

    link = page.get_by_label("The same as a link").input_value()
    portal.phone("helena", **IPHONE).run("open", link)
    expect(dialog).to_contain_text(f"{NAME} is Active", timeout=TURNS)
    expect(dialog.locator(".dialog-title")).to_be_focused()
    page.keyboard.press("Escape")
    expect(opener).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_at_320_pixels_the_code_can_be_read_and_nothing_scrolls_sideways(new_page, portal, sign_in, scheme):
    page = new_page(viewport={"width": 320, "height": 640}, color_scheme=scheme)
    sign_in(page, portal, PERSON)
    link = link_dialog(page, portal)
    page.locator("dialog .qr").scroll_into_view_if_needed()
    assert scanned(page) == link
    sizes = page.evaluate("""() => {
        const code = document.querySelector("dialog .qr-code");
        return [code.getBoundingClientRect().width, Number(code.getAttribute("width")),
                document.documentElement.scrollWidth - document.documentElement.clientWidth,
                document.querySelector("dialog").scrollWidth - document.querySelector("dialog").clientWidth];
    }""")
    drawn, meant, sideways, in_dialog = sizes
    # As wide as it was made: 4 px a module.
    assert (drawn, sideways, in_dialog) == (meant, 0, 0)


def test_two_people_at_once_see_each_their_own(new_page, portal, sign_in):
    first, second = new_page(), new_page()
    for page, person in ((first, PERSON), (second, pages.SOLO)):
        sign_in(page, portal, person)
        authentication_dialog(page, portal)
        make_link(page)
    portal.phone("helena", **IPHONE).run("open", scanned(first))
    expect(first.get_by_role("dialog")).to_contain_text(f"{NAME} is Active", timeout=TURNS)
    expect(second.get_by_role("dialog")).to_contain_text("Waiting for the device")
