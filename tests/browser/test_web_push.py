"""Alerts in a browser, with a subscription of Chromium's own: what the portal's worker sends is taken by a
push service, handed on as Google does, decrypted by the browser and shown by the portal's service worker.

The host of the subscription's address is exchanged for the push service's of these tests on its way to the
portal; all else is real. What a click does is seen without one: Chromium without a screen draws no
notifications that could be clicked.
"""

import copy
import json
import os
import re
import subprocess
from urllib.parse import quote

import pytest
from django.test import override_settings
from playwright.sync_api import BrowserContext, Page, expect

from devices.push_services import encryption, webpush
from tests.browser import components, google, sessions
from tests.browser.conftest import CHROMIUM_ARGUMENTS, Console
from tests.browser.portal import PASSWORD, running
from tests.browser.test_accessibility import judge
from tests.browser.waiting import PATIENCE, comes_to
from tests.push_services import http2
from tests.push_services.fakes import PushService
from tests.push_services.http2 import Reply, Request

PAGE = "/settings/notifications/"
# Nobody but the host is to read them.
NAME, VISITOR = "Zanzibar round", "Anna Kowalska"
REGISTRATION = 'navigator.serviceWorker.getRegistration("/")'
SHOWN = f"""{REGISTRATION}.then(async (found) => (await found.getNotifications())
    .map(({{title, body, tag, data}}) => ({{title, body, tag, path: data.path}})))"""
SUBSCRIPTION = (
    f"{REGISTRATION}.then((found) => found?.pushManager.getSubscription()).then((one) => one?.toJSON())"
)


class Handing(PushService):
    """Takes what it is sent, and hands it on to the browser."""

    def __init__(self, context, behind: google.Google) -> None:
        super().__init__(context)
        self.behind = behind

    def answer(self, request: Request) -> Reply:
        token = request.path.rsplit("/", 1)[1]
        if token in self.behind.registered:
            self.devices.setdefault(request.path, "here")
        reply = super().answer(request)
        if reply.status == 201:
            self.behind.deliver(token, request.body)
        return reply


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return tmp_path_factory.mktemp("web-push")


@pytest.fixture(scope="module")
def behind(directory):
    (directory / "google").mkdir()
    with google.running(directory / "google") as behind:
        yield behind


@pytest.fixture(scope="module")
def push_service(behind, directory):
    _, context = http2.certificate(directory)
    service = Handing(context, behind)
    service.server.start()
    with override_settings(VAPID_PRIVATE_KEY=service.vapid_key, VAPID_SUBJECT=service.SUBJECT):
        yield service
    service.server.stop()


@pytest.fixture(scope="module")
def portal(databases, push_service, directory):
    configured = copy.copy(databases)
    configured.environment = databases.environment | {
        "VAPID_PRIVATE_KEY": push_service.vapid_key,
        "VAPID_SUBJECT": push_service.SUBJECT,
        "WEBPUSH_HOSTS": f"localhost:{push_service.server.port}",
        "SSL_CERT_FILE": os.fspath(directory / "certificate.pem"),
    }
    with running(configured, directory / "portal") as portal:
        yield portal


@pytest.fixture(scope="module")
def profile(browser, behind, portal, directory):
    """A browser that keeps what it is given: one that forgets gets no subscription."""
    context = browser.browser_type.launch_persistent_context(
        directory / "profile",
        executable_path=components.chromium(),
        args=[*CHROMIUM_ARGUMENTS, *behind.arguments],
        reduced_motion="reduce",
        viewport={"width": 1280, "height": 800},
    )
    context.set_default_timeout(PATIENCE * 1000)
    complaints = Console()
    complaints.watch(context)
    yield context
    context.close()
    assert complaints.unexpected() == []


@pytest.fixture(scope="module")
def host(profile, portal, push_service) -> Page:
    """Signed in, with alerts turned on by keyboard alone."""
    page = profile.new_page()
    page.goto(f"{portal.url}/accounts/login/?next={PAGE}")
    sign_in_here(page, sessions.HOST)
    expect(page.get_by_role("button", name="Turn on alerts")).to_be_visible()
    assert judge(page) == []
    profile.grant_permissions(["notifications"], origin=portal.url)
    at_our_service(page, push_service)
    page.reload()
    turn_on(page)
    return page


def turn_on(page: Page) -> None:
    button = page.get_by_role("button", name="Turn on alerts")
    expect(button).to_be_enabled()
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Alerts come to this browser now.")).to_be_visible()


def sign_in_here(page: Page, email: str) -> None:
    page.fill("input[name=login]", email)
    page.fill("input[name=password]", PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign In", exact=True).click()
    page.wait_for_url(f"**{PAGE}")


def at_our_service(page: Page, service: PushService) -> None:
    """Have the portal told of our push service in place of Google's."""

    def exchange(route) -> None:
        body = route.request.post_data
        for endpoint in google.ENDPOINTS:
            body = body.replace(quote(endpoint, safe=""), quote(f"{service.server.origin}/push/", safe=""))
        route.continue_(post_data=body)

    page.route(re.compile(r"/subscription/$"), exchange)


def worker(profile: BrowserContext):
    return next(one for one in profile.service_workers if one.url.endswith("/push-worker.js"))


def forget_alerts(page: Page) -> None:
    # Until none is left: one that is closed late would take another of its tag with it.
    close = f"""{REGISTRATION}.then(async (found) => {{
        const shown = await found.getNotifications();
        for (const one of shown) one.close();
        return shown.length;
    }})"""
    comes_to(page, lambda: page.evaluate(close), 0)


def test_what_happens_in_a_session_is_shown_by_the_browser_and_names_nobody(
    host, portal, push_service, new_page
):
    code = sessions.start_session(host, portal, NAME)
    path = host.url.removeprefix(portal.url)
    sessions.ask_in(new_page(), portal, code, VISITOR)
    comes_to(host, lambda: len(host.evaluate(SHOWN)), 1)
    (alert,) = host.evaluate(SHOWN)
    assert alert["title"] == "Somebody asks to join your session"
    assert alert["path"] == portal.url + path
    (taken,) = push_service.taken
    assert taken.headers["topic"] == alert["tag"]
    told = str(alert) + str(taken.headers) + portal.log()
    assert not [one for one in (NAME, VISITOR, "Kowalska", code) if one in told]
    forget_alerts(host)


def test_an_alert_leads_to_its_page_and_to_no_other_site(host, profile, portal, behind):
    given = host.evaluate(SUBSCRIPTION)
    receiver = {name: webpush._bytes(given["keys"][name]) for name in ("p256dh", "auth")}

    def push(content: bytes) -> dict[str, str]:
        sealed = encryption.encrypt(content, receiver=receiver["p256dh"], auth=receiver["auth"])
        behind.deliver(given["endpoint"].rsplit("/", 1)[1], sealed)
        # What the test before set off may still come.
        pushed = lambda: [one for one in host.evaluate(SHOWN) if one["tag"] in ("one", "")]  # noqa: E731
        comes_to(host, lambda: len(pushed()), 1)
        (alert,) = pushed()
        forget_alerts(host)
        return alert

    for path in ("https://evil.example/", "//evil.example/", "javascript:alert(1)", "\\\\evil.example", 7):
        alert = push(json.dumps({"title": "One", "tag": "one", "path": path}).encode())
        assert alert["path"] == f"{portal.url}/", path
    assert push(b"no JSON")["title"] == "MediMic"

    running = worker(profile)
    running.evaluate(
        """() => {
            self.went = [];
            clients.openWindow = async (address) => went.push(["opened", address]);
            WindowClient.prototype.focus = async function () { went.push(["focused", this.url]); };
        }"""
    )
    for path in ("/sessions/", PAGE, "https://evil.example/"):
        host.goto(f"{portal.url}{PAGE}")
        running.evaluate("(path) => open(path)", path)
    assert running.evaluate("went") == [
        ["opened", f"{portal.url}/sessions/"],
        ["focused", f"{portal.url}{PAGE}"],
        ["opened", f"{portal.url}/"],
    ]


def test_what_alerts_are_about_is_changed_by_keyboard(host, portal, directory):
    host.goto(f"{portal.url}{PAGE}this-browser/")
    assert judge(host) == []
    look_at_markup(host, directory)
    host.goto(f"{portal.url}{PAGE}")
    assert judge(host) == []
    look_at_markup(host, directory)
    host.get_by_role("link", name="Change what alerts are about").focus()
    host.keyboard.press("Enter")
    dialog = host.get_by_role("dialog", name="Alerts in this browser")
    dialog.get_by_label("An invitation is accepted").focus()
    host.keyboard.press("Space")
    dialog.get_by_label("Quiet from").fill("23:00")
    dialog.get_by_label("Quiet until").fill("05:00")
    host.keyboard.press("Enter")
    expect(host.get_by_text("The alerts in this browser are saved.")).to_be_visible()
    panel = host.get_by_role("region", name="Alerts in this browser")
    expect(panel.get_by_text("A participant joins")).to_be_visible()
    expect(panel.get_by_text("An invitation is accepted")).to_have_count(0)
    expect(panel.get_by_text("23:00 – 05:00")).to_be_visible()


def test_what_the_browser_replaced_is_told_to_the_portal_by_itself(host, profile, portal, push_service):
    """Chromium does so when permission comes back, or after a long time; the worker is asked directly."""
    asked = []
    running = worker(profile)
    profile.on("request", lambda request: asked.append((request.method, request.url)))
    running.evaluate("(given) => renew({ toJSON: () => given })", replaced(host, push_service))
    host.reload()
    expect(host.get_by_role("button", name="Turn off alerts")).to_be_visible()
    address = f"{portal.url}{PAGE}this-browser/subscription/renewal/"
    assert [one for one in asked if one[1] == address] == [("GET", address), ("POST", address)]


def replaced(host: Page, service: PushService) -> dict:
    given = host.evaluate(SUBSCRIPTION)
    token = given["endpoint"].rsplit("/", 1)[1]
    return given | {"endpoint": f"{service.server.origin}/push/{token}"}


def test_where_the_browser_blocks_them_the_page_says_so(host, profile, portal):
    session = profile.new_cdp_session(host)
    permission = {"permission": {"name": "notifications"}, "origin": portal.url}
    session.send("Browser.setPermission", {**permission, "setting": "denied"})
    try:
        host.goto(f"{portal.url}{PAGE}")
        expect(host.get_by_text("This browser blocks alerts of the portal.")).to_be_visible()
        assert judge(host) == []
    finally:
        session.send("Browser.setPermission", {**permission, "setting": "granted"})


def test_turning_them_off_lets_the_subscription_go(host, portal):
    host.goto(f"{portal.url}{PAGE}")
    host.get_by_role("button", name="Turn off alerts").focus()
    host.keyboard.press("Enter")
    expect(host.get_by_text("No alerts come to this browser any more.")).to_be_visible()
    assert host.evaluate(SUBSCRIPTION) is None
    turn_on(host)


def test_whoever_signs_in_next_finds_them_off_and_the_subscription_gone(host, portal, profile, push_service):
    host.goto(f"{portal.url}{PAGE}")
    assert host.evaluate(SUBSCRIPTION)
    host.goto(f"{portal.url}/accounts/logout/")
    host.get_by_role("main").get_by_role("button", name="Sign Out").click()
    host.wait_for_url("**/accounts/login/")
    comes_to(host, lambda: host.evaluate(SUBSCRIPTION), None)
    host.goto(f"{portal.url}/accounts/login/?next={PAGE}")
    sign_in_here(host, "provider@clinic.example")
    expect(host.get_by_role("button", name="Turn on alerts")).to_be_visible()


def test_without_script_the_page_says_what_it_needs(new_page, portal):
    page = new_page(java_script_enabled=False)
    page.goto(f"{portal.url}/accounts/login/?next={PAGE}")
    sign_in_here(page, "colleague@clinic.example")
    expect(page.get_by_text("Turning them on or off needs script")).to_be_visible()
    expect(page.get_by_role("button", name="Turn on alerts")).to_have_count(0)


def look_at_markup(page: Page, directory) -> None:
    file = directory / "page.html"
    file.write_text(page.request.get(page.url).text())
    checked = subprocess.run(
        [components.java(), "-jar", components.VNU, "--errors-only", "--format", "json", file],
        capture_output=True,
        text=True,
    )
    assert json.loads(checked.stderr)["messages"] == []
