"""Markup and script typed wherever people can type: pages show it as the text that it is."""

import html
import json
import re
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest
from django.urls import resolve
from playwright.sync_api import Page, expect

from tests.browser import hostile, pages, sessions
from tests.browser.hostile import PAYLOADS, Detector
from tests.browser.portal import Portal, running
from tests.browser.sessions import HOST, TURN
from tests.browser.test_accessibility import no_page
from tests.browser.waiting import comes_to

OURS = ("accounts", "audit", "billing", "changes", "devices", "orgs", "outbox", "sessions_app")
# What nobody types, or what can hold nothing but what it is for.
MADE = {
    r"\.(\w*hash|\w*thumbprint|jkt|salt|mac|\w*nonce|\w*commitment|wrapped|\w+_key)$": "made by machines",
    r"\.(object_type|object_id|kind|channel|type|code|slug|currency|language|time_zone|dedupe_key)$": "codes",
    r"\.(phone_number|push_service|push_token|password|recipient|body|public_key|sender_key)$": "never shown",
    r"JobRun\.|Checkpoint\.|Prune\.|Head\.": "of the portal's own",
    r"outbox\.Service\.|Delivery\.service": "names of channels and listed hosts, and the portal's own words",
    r"Word\.word$": "copies, for searching",
    r"TrustedBrowser\.(stamp|address)": "a code, and an address of the network",
    r"Alert\.": "shown behind a mailed link alone",
    r"\.(next|noted)_plan_code|InvoiceCounter\.series|Invoice\.(number|locale)": "codes",
    r"(GatewayCustomer|GatewayEvent)\.|Subscription\.(gateway|payment)|Invoice\.gateway": "a gateway's",
    r"Invoice\.|InvoiceLine\.": "copies of what a subscription says, which nothing changes any more",
    r"Policy\.": "numbers of versions",
    r"PolicyWarning\.about": "a number of a version, or a day",
    r"FleetEntry\.|FleetCount\.": "copies, for sorting and searching",
    r"BulkRevocation\.": "the query, its address and its agent: for the audit log",
    r"(AuditEvent|BulkRevocation)\.address": "an address of the network",
    r"(AuditEvent|TrustedBrowser)\.agent": "shown by the name of the browser alone",
    r"Confirmation\.content": "what a device told of itself, until it is one",
}
LINKS = """() => [...new Set([...document.querySelectorAll("a[href]")]
    .filter((one) => one.origin === location.origin).map((one) => one.pathname))]"""
CLINIC = "organizations/fernbrook-clinic"
# Whose pages are walked through, and where from. Support sees the admin's lists.
STARTS = {
    pages.PROVIDER: ["", "sessions/", "settings/devices/", f"{CLINIC}/patients/"],
    pages.ADMIN: ["", f"{CLINIC}/members/invitations/", f"{CLINIC}/devices/", f"{CLINIC}/questionnaires/"],
    pages.UNLIMITED: ["", f"{pages.HOSPITAL_DEVICES}?pooled=yes&status=active", pages.HOSPITAL_DEVICES],
    pages.PATIENT: ["", "sessions/"],
    pages.SUPPORT: ["admin/"],
}
# Looked at once: the same for everybody.
ALIKE = r"(accounts|settings|billing|accessibility|sessions/new|join)/(?!(devices|activity)/|$)"
# Of one route: the pages of devices, say, differ by what became of them.
OF_ONE_ROUTE = 2
MANY_ROUTES = 70
TYPED_INTO_ADDRESSES = (
    (pages.PROVIDER, "sessions/?q="),
    (pages.PROVIDER, "settings/devices/?q="),
    (pages.PROVIDER, f"{CLINIC}/patients/?q="),
    (pages.UNLIMITED, f"{pages.HOSPITAL_DEVICES}?q="),
    (pages.UNLIMITED, f"{pages.HOSPITAL_DEVICES}?sort="),
    (pages.SUPPORT, "admin/accounts/person/?q="),
    (pages.NOBODY, "accounts/login/?next="),
    (pages.NOBODY, "nowhere/"),
)


def test_every_field_of_text_is_planted_or_typed_by_nobody():
    fields = hostile.fields_of(OURS)
    open_ = [name for name in fields if not any(re.search(pattern, name) for pattern in MADE)]
    assert [name for name in open_ if name not in hostile.TYPED] == []
    assert [name for name in hostile.TYPED if name not in fields] == []


@pytest.fixture(scope="module")
def hostile_portal(databases, tmp_path_factory) -> Iterator[Portal]:
    with running(databases, tmp_path_factory.mktemp("hostile-portal")) as portal:
        yield portal


@pytest.fixture(scope="module")
def states(browser, hostile_portal) -> dict[str, dict]:
    """Browsers that people signed in with before all their names became what they are."""
    found = {}
    for person in STARTS:
        context = browser.new_context()
        page = context.new_page()
        pages.sign_in(page, hostile_portal, person)
        if person == pages.SUPPORT:
            _enrol(page, hostile_portal)
        found[person] = context.storage_state()
        context.close()
    return found


def _enrol(page: Page, portal: Portal) -> None:
    page.goto(f"{portal.url}/accounts/2fa/totp/activate/")
    secret = page.locator("dl code").first.inner_text().replace(" ", "")
    page.get_by_role("main").locator("input[name=code]").fill(pages.totp(secret, time.time()))
    page.get_by_role("main").get_by_role("button").first.click()
    page.wait_for_url("**/recovery-codes/**")


@pytest.fixture(scope="module")
def texts(hostile_portal, states) -> dict[str, tuple[str, str]]:
    """What was planted: by tag, the field and the text."""
    planting = "from tests.browser.hostile import plant; plant()"
    done = hostile_portal.manage("shell", "--no-imports", "-c", planting)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def detector(texts) -> Detector:
    return Detector(texts)


@pytest.fixture
def watched(new_page, detector, states) -> Callable[..., Page]:
    """`watched(PROVIDER)`: their browser, listened to."""

    def open_page(person: str = pages.NOBODY, **options) -> Page:
        page = new_page(storage_state=states.get(person), **options)
        detector.watch(page.context)
        return page

    return open_page


def walk(page: Page, portal: Portal, detector: Detector, starts: list[str], seen: Counter[str]) -> None:
    """From link to link, to some pages of each route."""
    ahead = deque(f"/{start}" for start in starts)
    met = set(ahead)
    own: Counter[str] = Counter()
    while ahead:
        path = ahead.popleft()
        route = resolve(path.partition("?")[0]).route
        most = 1 if seen[route] >= OF_ONE_ROUTE else OF_ONE_ROUTE
        if no_page(route) or own[route] == most or (seen[route] and re.match(ALIKE, route)):
            continue
        own[route] += 1
        answer = page.goto(portal.url + path)
        assert answer.status == 200, path
        detector.look(page)
        new = [link for link in page.evaluate(LINKS) if link not in met]
        met.update(new)
        ahead.extend(new)
    seen.update(own)


def test_on_no_page_a_planted_text_is_more_than_text(hostile_portal, watched, detector, console):
    console.expect("status of 404")
    browsers = {person: watched(person) for person in [*STARTS, pages.NOBODY]}
    seen: Counter[str] = Counter()
    for person, starts in STARTS.items():
        walk(browsers[person], hostile_portal, detector, starts, seen)
    for person, start in TYPED_INTO_ADDRESSES:
        for number, payload in enumerate(PAYLOADS[2:9:3]):
            browsers[person].goto(f"{hostile_portal.url}/{start}{quote(payload.format(number), safe='')}")
            detector.look(browsers[person])
    page = browsers[pages.PROVIDER]
    page.goto(f"{hostile_portal.url}/settings/devices/")
    page.get_by_role("main").get_by_role("link", name="Revoke").first.click()
    page.get_by_role("dialog").wait_for()
    detector.look(page)
    assert detector.faults == []
    # Which of a patient's answers the walk opens depends on ids: the planted one is not always among them.
    by_chance = {"orgs.QuestionnaireResponse.content"}
    assert {field for field in hostile.TYPED if not detector.shown[field]} <= by_chance
    assert len(seen) > MANY_ROUTES


def test_in_a_session_what_people_type_is_no_more_than_text(hostile_portal, watched, detector, console):
    console.expect(sessions.OVER)
    host, guest = watched(HOST), watched(user_agent=hostile.AGENT.format(""))
    name, guest_name, speaker = (detector.text(field, PAYLOADS[6]) for field in ("name", "guest", "speaker"))
    code = sessions.start_session(host, hostile_portal, name)
    sessions.ask_in(guest, hostile_portal, code, guest_name)
    sessions.digits(host)
    sessions.digits(guest)
    for page in (host, guest):
        detector.look(page)
    sessions.agree(guest)
    sessions.admit(host)
    expect(sessions.field(guest)).to_be_enabled(timeout=TURN)
    said = [detector.text("said", payload) for payload in PAYLOADS]
    for number, text in enumerate(said):
        sessions.say((host, guest)[number % 2], text)
    for page, last in ((host, said[-2]), (guest, said[-1])):
        expect(sessions.part(page, last.split()[0])).to_be_visible(timeout=TURN)
        expect(page.locator("[data-parts] > li")).to_have_count(len(said), timeout=TURN)
        detector.look(page)
    comes_to(host, lambda: sorted(sessions.texts(host)), sorted(said))
    sessions.end(host)
    expect(host.locator("[data-parts] > li")).to_have_count(len(said), timeout=TURN)
    detector.look(host)

    sessions.start_session(host, hostile_portal, name, mode="Shared Device")
    host.get_by_text("Add a speaker").click()
    # By its label alone, a name of somebody that has "name" in it would be meant, too.
    host.locator("#speaker-name").fill(speaker)
    host.get_by_role("button", name="Add", exact=True).click()
    host.get_by_role("radio", name=speaker).wait_for()
    sessions.say(host, said[0])
    sessions.sent(host, said[0])
    detector.look(host)
    assert detector.faults == []
    assert all(detector.shown[field] for field in ("name", "guest", "speaker", "said"))


def test_a_device_that_waits_for_its_digits_is_called_what_it_says(hostile_portal, watched, detector):
    page = watched(pages.UNLIMITED)
    page.goto(f"{hostile_portal.url}/settings/security/device-confirmation/")
    page.get_by_role("main").get_by_role("button", name="Confirm by digits").click()
    link = pages.link_dialog(page, hostile_portal)
    pages.use_link(hostile_portal, link, model=detector.text("model", PAYLOADS[6]))
    page.get_by_role("group", name="Pick the digits that the device shows").wait_for()
    detector.look(page)
    assert detector.faults == []
    assert detector.shown["model"]


@pytest.mark.parametrize("is_enforced", [True, False])
def test_control_a_page_that_does_not_escape_is_found_out(
    is_enforced, hostile_portal, watched, detector, console
):
    console.expect("")
    page = watched(pages.PROVIDER, bypass_csp=not is_enforced)

    def forget_to_escape(route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=html.unescape(answer.text()))

    page.route("**/settings/devices/", forget_to_escape)
    page.goto(f"{hostile_portal.url}/settings/devices/")

    def signs() -> set[str]:
        detector.look(page)
        found = {
            one for one in ("loaded", "made", "a text ran") for did in detector.did if did.startswith(one)
        }
        return found | {name for name in ("mangled", "violations") if getattr(detector, name)}

    comes_to(page, signs, {"loaded", "made", "mangled", "violations" if is_enforced else "a text ran"})
