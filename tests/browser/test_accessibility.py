"""Every page, light and dark, wide and narrow: no violation of WCAG 2.2 AA that axe-core can
find, nothing to scroll sideways, and valid HTML."""

import json
import re
import subprocess
import time

import pytest
from playwright.sync_api import Browser, Page, StorageState

from tests.browser import components, pages
from tests.browser.portal import Portal
from tests.routes import routes

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 320, "height": 640}
# A change of theme is drawn first; the admin's links take a moment for theirs. To load the
# stylesheets once more, as axe would like to, the policy forbids. Where the other theme has every
# element in the same place, it can differ in its colours alone: then those are what is judged.
RUN_AXE = """async (tags) => {
    const moves = () => document.getAnimations().some(one => one.playState === "running");
    for (let frame = 0; frame < 2 || (moves() && frame < 60); frame++)
        await new Promise(requestAnimationFrame);
    const shape = [...document.querySelectorAll("*")].map((one) => {
        const {x, y, width, height} = one.getBoundingClientRect();
        const {display, visibility, opacity, clipPath} = getComputedStyle(one);
        return [x, y, width, height, display, visibility, opacity, clipPath];
    }).join("|");
    globalThis.judged ??= new Set();
    const rules = axe.getRules(tags)
        .filter(({tags}) => !tags.includes("experimental") && !tags.includes("deprecated"))
        .filter(({tags}) => !judged.has(shape) || tags.includes("cat.color"));
    judged.add(shape);
    const runOnly = {type: "rule", values: rules.map(({ruleId}) => ruleId)};
    const found = await axe.run(document, {runOnly, resultTypes: ["violations"], preload: false});
    return found.violations.map(one =>
        `${one.id}: ${one.help}: ` + one.nodes.map(node => node.target.join(" ")).join(" | "));
}"""
# Some pages ask for a sign-in of the last 15 minutes.
FRESH_SECONDS = 300
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def no_page(route: str) -> str | None:
    """Why a route shows no page, if it does not."""
    patterns = pages.NO_PAGE_PATTERNS.items()
    return pages.NO_PAGE.get(route) or next(
        (reason for pattern, reason in patterns if re.fullmatch(pattern, route)), None
    )


def test_every_route_is_visited_or_shows_no_page():
    visited = pages.PLAIN.keys() | pages.LINKED.keys() | pages.REACHED.keys()
    assert [route for route in routes() if route not in visited and not no_page(route)] == []
    assert visited - set(routes()) == set()


class SignedIn:
    """Browsers in which people are signed in: `signed_in(PROVIDER)` is the state of one."""

    def __init__(self, browser: Browser, portal: Portal) -> None:
        self.browser = browser
        self.portal = portal
        self.states: dict[str, tuple[float, StorageState]] = {}
        self.secret = ""

    def __call__(self, person: str) -> StorageState | None:
        if person == pages.NOBODY:
            return None
        since, state = self.states.get(person, (0.0, None))
        if state is None or time.monotonic() - since > FRESH_SECONDS:
            context = self.browser.new_context()
            self._sign_in(context.new_page(), person)
            state = context.storage_state()
            self.states[person] = time.monotonic(), state
            context.close()
        return state

    def _sign_in(self, page: Page, person: str) -> None:
        if person == pages.SUPPORT and self.secret:
            pages.second_step_of_a_sign_in(page, self.portal)
            self._give_code(page)
            page.wait_for_url(f"{self.portal.url}/")
            return
        pages.sign_in(page, self.portal, person)
        if person == pages.SUPPORT:
            page.goto(f"{self.portal.url}/accounts/2fa/totp/activate/")
            self.secret = page.locator("dl code").first.inner_text().replace(" ", "")
            self._give_code(page)
            page.wait_for_url("**/recovery-codes/**")

    def _give_code(self, page: Page) -> None:
        page.get_by_role("main").locator("input[name=code]").fill(pages.totp(self.secret, time.time()))
        page.get_by_role("main").get_by_role("button").first.click()


@pytest.fixture(scope="session")
def signed_in(browser, shared_portal) -> SignedIn:
    return SignedIn(browser, shared_portal)


def follow(page, portal, route: str, start: str) -> None:
    """Go where the first link of this route leads that stands on the starting page, which may be led to."""
    if start in pages.LINKED:
        follow(page, portal, start, pages.LINKED[start][1])
    else:
        page.goto(f"{portal.url}/{start}")
    wanted = pages.link_pattern(route)
    if not wanted.fullmatch(re.sub(r"^https?://[^/]+", "", page.url)):
        targets = page.eval_on_selector_all("main a, #container a", "all => all.map(a => a.pathname)")
        page.goto(portal.url + next(path for path in targets if wanted.fullmatch(path)))


def judge(page) -> list[str]:
    """What is wrong with the page as it stands, in both themes and at both widths."""
    page.evaluate(components.AXE.read_text())
    # The admin's markup is Django's own.
    rules = WCAG if "/admin/" in page.url else [*WCAG, "best-practice"]
    found = []
    for size in (WIDE, NARROW):
        page.set_viewport_size(size)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            found += [f"{size['width']} {scheme}: {one}" for one in page.evaluate(RUN_AXE, rules)]
        if sideways := page.evaluate(SIDEWAYS):
            found.append(f"{size['width']}: {sideways} px to scroll sideways")
    return found


LOOKS = [(route, person) for route, people in pages.PLAIN.items() for person in people]


@pytest.mark.parametrize(("route", "person"), LOOKS)
def test_page_is_accessible(route, person, new_page, shared_portal, signed_in):
    page = new_page(storage_state=signed_in(person))
    answer = page.goto(f"{shared_portal.url}/{route}")
    assert answer.status == 200
    assert page.url == f"{shared_portal.url}/{route}"
    assert judge(page) == []


@pytest.mark.parametrize("route", pages.LINKED)
def test_linked_page_is_accessible(route, new_page, shared_portal, signed_in):
    person, start = pages.LINKED[route]
    page = new_page(storage_state=signed_in(person))
    follow(page, shared_portal, route, start)
    assert judge(page) == []


@pytest.mark.parametrize("route", pages.REACHED)
def test_reached_page_is_accessible(route, new_page, shared_portal, signed_in):
    signed_in(pages.SUPPORT)
    page = new_page()
    pages.REACHED[route](page, shared_portal)
    assert judge(page) == []


@pytest.mark.parametrize("state", pages.STATES)
def test_state_of_a_page_is_accessible(state, new_page, shared_portal, signed_in, console):
    console.expect("status of 40[34]")
    person, reach = pages.STATES[state]
    page = new_page(storage_state=signed_in(person))
    reach(page, shared_portal)
    assert judge(page) == []


def test_html_is_valid_and_titles_tell_pages_apart(new_page, shared_portal, signed_in, tmp_path):
    titles: dict[str, set[str]] = {}
    asking = {
        person: new_page(storage_state=signed_in(person)).request for person in {who for _, who in LOOKS}
    }
    for number, (route, person) in enumerate(LOOKS):
        if route.startswith("admin/"):
            # Django's own markup.
            continue
        text = asking[person].get(f"{shared_portal.url}/{route}").text()
        assert '<html lang="en"' in text, route
        assert len(re.findall(r"<h1\b", text)) == 1, route
        title = re.search(r"<title>(.*?)</title>", text, re.DOTALL)[1].strip()
        titles.setdefault(title, set()).add(pages.SAME_QUESTION.get(route, route))
        name = re.sub(r"\W+", "-", f"{route or 'dashboard'}-{person}")
        (tmp_path / f"{number:02}-{name}.html").write_text(text)
    assert {title: found for title, found in titles.items() if len(found) > 1} == {}

    checked = subprocess.run(
        [components.java(), "-jar", components.VNU, "--errors-only", "--format", "json", tmp_path],
        capture_output=True,
        text=True,
    )
    errors = json.loads(checked.stderr)["messages"]
    assert [f"{one['url'].rpartition('/')[2]}: {one['message']}: {one['extract']}" for one in errors] == []
