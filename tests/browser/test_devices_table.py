"""The table of devices in Chromium: its columns by keyboard, its dialogs, its list on a phone."""

import json
import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.portal import Portal
from tests.browser.waiting import comes_to

PERSON = "provider@clinic.example"
KEY = "table-settings-devices-column-visibility"
COLUMNS = (
    *("name", "model", "device_type_id", "phone_number", "os", "app_version", "created_at"),
    *("last_seen_at", "device_status_id"),
)
# Every shift of the page that nobody caused, once it stands there whole: a table that is still being read
# makes room for each row.
WATCH_SHIFTS = """
    window.shifted = [];
    let isWhole = Infinity;
    const drawn = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    document.addEventListener("DOMContentLoaded", () => drawn().then(() => { isWhole = performance.now(); }));
    new PerformanceObserver((list) => {
        for (const entry of list.getEntries())
            if (!entry.hadRecentInput && entry.startTime > isWhole)
                window.shifted.push([entry.value, ...entry.sources.map((one) => one.node?.outerHTML)]);
    }).observe({type: "layout-shift", buffered: true});
"""
# Whether a hidden column was ever drawn: looked at whenever the table grows.
WATCH_CELLS = """
    window.seen = false;
    const look = () => {
        for (const cell of document.querySelectorAll(".is-devices :is(th, td):nth-child(5)"))
            if (cell.getBoundingClientRect().width) window.seen = true;
        requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
"""


def open_table(page: Page, portal: Portal, query: str = "") -> None:
    page.goto(f"{portal.url}/settings/devices/{query}")


def stored(page: Page) -> dict[str, bool]:
    return json.loads(page.evaluate("key => localStorage.getItem(key)", KEY))


def heads(page: Page) -> Locator:
    """The heads of the columns that show."""
    return page.locator(".is-devices thead th:visible")


def test_columns_are_chosen_by_keyboard_and_stay_chosen(page, shared_portal, sign_in):
    page.add_init_script(WATCH_SHIFTS + WATCH_CELLS)
    sign_in(page, shared_portal, PERSON)
    open_table(page, shared_portal)
    expect(heads(page)).to_have_count(10)

    button = page.get_by_role("button", name="Columns")
    button.focus()
    page.keyboard.press("Enter")
    menu = page.get_by_role("group", name="Columns")
    expect(menu.get_by_role("checkbox", name="Model")).to_be_focused()
    expect(menu.get_by_role("checkbox", name="Name")).to_be_disabled()
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    expect(menu.get_by_role("checkbox", name="OS")).to_be_focused()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    expect(menu.get_by_role("checkbox", name="App Version")).to_be_focused()
    page.keyboard.press("Space")
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    expect(button).to_be_focused()

    expect(heads(page)).to_have_count(8)
    shown = {column: column not in ("os", "app_version") for column in COLUMNS}
    comes_to(page, lambda: stored(page), shown)
    open_table(page, shared_portal)
    # The script that offers the menu has run, and what it changed is drawn.
    expect(button).to_be_visible()
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    expect(heads(page)).to_have_count(8)
    expect(heads(page).filter(has_text=re.compile("^OS$"))).to_have_count(0)
    assert page.evaluate("window.seen") is False
    assert page.evaluate("window.shifted") == []

    button.press("Enter")
    # Where the focus is not yet in the menu, keys are still the button's.
    expect(menu.get_by_role("checkbox", name="Model")).to_be_focused()
    expect(menu.get_by_role("checkbox", name="OS")).not_to_be_checked()
    page.keyboard.press("End")
    expect(menu.get_by_role("button").last).to_be_focused()
    page.keyboard.press("Enter")
    expect(heads(page)).to_have_count(10)
    comes_to(page, lambda: set(stored(page).values()), {True})


def test_what_is_stored_wrongly_hides_nothing(page, shared_portal, sign_in):
    sign_in(page, shared_portal, PERSON)
    for text in ("no JSON", "null", "7", '{"name": false}', '{"os": "false"}', "[]"):
        page.evaluate("([key, text]) => localStorage.setItem(key, text)", [KEY, text])
        open_table(page, shared_portal)
        expect(heads(page), text).to_have_count(10)


def test_without_script_all_columns_show_and_no_menu(new_page, shared_portal, sign_in):
    page = new_page(java_script_enabled=False)
    sign_in(page, shared_portal, PERSON)
    open_table(page, shared_portal)
    expect(heads(page)).to_have_count(10)
    expect(page.get_by_role("button", name="Columns")).to_have_count(0)


def test_the_row_s_action_is_in_sight_at_every_width(page, shared_portal, sign_in):
    sign_in(page, shared_portal, PERSON)
    for width in (320, 480, 640, 800, 1024, 1280, 1600):
        page.set_viewport_size({"width": width, "height": 800})
        open_table(page, shared_portal)
        for action in page.locator(".is-devices .is-actions a").all():
            place = action.bounding_box()
            assert place["x"] >= 0
            assert place["x"] + place["width"] <= width, width
        assert page.evaluate("document.documentElement.scrollWidth") == width
    page.set_viewport_size({"width": 1280, "height": 800})
    open_table(page, shared_portal)
    scroller = page.locator(".device-scroll")
    assert scroller.evaluate("it => it.scrollWidth - it.clientWidth") == 0
    # The date and the type stand in one line each.
    for column in (3, 7):
        for cell in page.locator(f".is-devices tbody td:nth-child({column})").all():
            assert cell.evaluate(
                "it => { const r = document.createRange(); r.selectNodeContents(it);"
                " return new Set([...r.getClientRects()].map(one => Math.round(one.bottom / 12))).size <= 2 }"
            )


def test_on_a_phone_it_is_a_list_with_the_same_order_of_facts(new_page, shared_portal, sign_in):
    page = new_page(viewport={"width": 320, "height": 700})
    sign_in(page, shared_portal, PERSON)
    open_table(page, shared_portal)
    card = page.locator(".is-devices tbody tr").filter(has_text="Paul's iPhone")
    tops = [cell.bounding_box()["y"] for cell in card.locator("td").all() if cell.is_visible()]
    assert len(tops) == 10
    assert tops == sorted(set(tops))
    labels = card.locator("td").evaluate_all("all => all.map(one => one.dataset.label ?? '')")
    assert labels[1:9] == [
        *("Model", "Type", "Phone Number", "OS", "App Version", "Registered At", "Last active", "Status"),
    ]
    assert page.evaluate("document.documentElement.scrollWidth") == 320


def test_order_and_search_stand_in_the_address(page, shared_portal, sign_in):
    sign_in(page, shared_portal, PERSON)
    open_table(page, shared_portal)
    page.get_by_role("columnheader", name="Name").get_by_role("link").click()
    expect(page.get_by_role("columnheader", name="Name")).to_have_attribute("aria-sort", "ascending")
    first = page.locator(".is-devices tbody a").first.inner_text()
    page.get_by_role("columnheader", name="Name").get_by_role("link").press("Enter")
    expect(page.get_by_role("columnheader", name="Name")).to_have_attribute("aria-sort", "descending")
    page.get_by_label("Search").fill(first)
    page.get_by_label("Search").press("Enter")
    page.wait_for_url(re.compile(r"sort=-name.*q=|q=.*sort=-name"))
    expect(page.locator(".is-devices tbody a").first).to_have_text(first)
    page.get_by_label("Search").fill("nothing of this name")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_role("heading", name="No device fits")).to_be_visible()
    page.get_by_role("main").get_by_role("link", name="Show all").first.click()
    page.wait_for_url(f"{shared_portal.url}/settings/devices/")


def test_a_device_is_renamed_in_a_dialog(page, portal, sign_in):
    sign_in(page, portal, PERSON)
    open_table(page, portal)
    page.get_by_role("link", name="Paul's iPhone", exact=True).click()
    page.get_by_role("link", name="Rename").click()
    dialog = page.get_by_role("dialog", name="Rename Paul's iPhone")
    expect(dialog.get_by_label("Name")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("link", name="Rename")).to_be_focused()
    page.keyboard.press("Enter")
    dialog.get_by_label("Name").fill("Pocket phone")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Pocket phone")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("Paul's iPhone is now called Pocket phone.")


def test_a_device_is_renamed_without_script(new_page, portal, sign_in):
    page = new_page(java_script_enabled=False)
    sign_in(page, portal, PERSON)
    open_table(page, portal)
    page.get_by_role("link", name="Paul's iPhone", exact=True).click()
    page.get_by_role("link", name="Rename").click()
    page.get_by_label("Name").fill("Pocket phone")
    page.get_by_role("main").get_by_role("button", name="Rename").click()
    expect(page.get_by_role("heading", name="Pocket phone")).to_be_visible()


def test_a_session_is_started_and_ended_in_the_browser(page, portal, sign_in):
    sign_in(page, portal, PERSON)
    page.get_by_role("link", name="Start a session via web").click()
    page.get_by_label("Session Name").fill("Morning round")
    page.get_by_label("Two-Device").check()
    page.get_by_role("button", name="Start session").click()
    expect(page.get_by_role("heading", name="Morning round")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("Active")
    (cookie,) = [one for one in page.context.cookies() if one["name"] == "device"]
    assert cookie["httpOnly"]
    assert page.evaluate("document.cookie") == ""

    open_table(page, portal)
    row = page.get_by_role("row").filter(has_text="This device")
    expect(row).to_contain_text("Computer")
    expect(row).to_contain_text("Chrome")
    expect(row).to_contain_text("Active")

    page.get_by_role("link", name="Sessions", exact=True).click()
    page.get_by_role("link", name="Morning round").click()
    page.get_by_role("link", name="End session").click()
    page.get_by_role("dialog").get_by_role("button", name="End session").click()
    expect(page.get_by_role("main")).to_contain_text("Ended")
    expect(page.get_by_role("link", name="End session")).to_have_count(0)


def test_a_revoked_browser_is_signed_out_and_comes_back_by_signing_in(new_page, portal, sign_in, console):
    # Its running session may ask once more before the page is left.
    console.expect("status of 40[134]")
    here, elsewhere = new_page(), new_page()
    sign_in(here, portal, PERSON)
    here.goto(f"{portal.url}/sessions/new/")
    here.get_by_label("Session Name").fill("Morning round")
    here.get_by_role("button", name="Start session").click()
    here.get_by_role("link", name="End session").wait_for()

    sign_in(elsewhere, portal, PERSON)
    open_table(elsewhere, portal)
    expect(elsewhere.get_by_text("This device")).to_have_count(0)
    elsewhere.get_by_role("row").filter(has_text="Chrome").get_by_role("link", name="Revoke").click()
    dialog = elsewhere.get_by_role("dialog")
    expect(dialog).to_contain_text("Chrome")
    dialog.get_by_role("button", name="Revoke").click()
    expect(elsewhere.get_by_role("main")).to_contain_text("revoked")

    here.goto(f"{portal.url}/sessions/new/")
    assert "/accounts/login/" in here.url
    here.fill("input[name=login]", PERSON)
    here.fill("input[name=password]", "a demonstration of no secret")
    here.get_by_role("main").get_by_role("button", name="Sign In").click()
    here.get_by_label("Session Name").fill("Afternoon round")
    here.get_by_role("button", name="Start session").click()
    here.get_by_role("heading", name="Afternoon round").wait_for()
    here.goto(f"{portal.url}/sessions/")
    for name in ("Morning round", "Afternoon round"):
        expect(here.get_by_role("link", name=name).first).to_be_visible()


def test_at_the_limit_the_page_shows_the_way_out(new_page, portal, sign_in, console):
    console.expect("status of 409")
    page = new_page()
    sign_in(page, portal, "trial@demo.example")
    page.goto(f"{portal.url}/sessions/new/")
    page.get_by_label("Session Name").fill("Morning round")
    page.get_by_role("button", name="Start session").click()
    expect(page.get_by_role("alert")).to_contain_text("Free Trial, allows 1 device")
    expect(page.get_by_label("Session Name")).to_have_value("Morning round")
    page.get_by_role("main").get_by_role("link", name="Revoke").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("main")).to_contain_text("revoked")

    page.goto(f"{portal.url}/sessions/new/")
    page.get_by_label("Session Name").fill("Morning round")
    page.get_by_role("button", name="Start session").click()
    expect(page.get_by_role("link", name="End session")).to_be_visible()
