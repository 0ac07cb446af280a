"""Browsers as devices: known by a cookie of their own, named, counted and revoked like any other."""

import re

import pytest
from django.conf import settings
from django.test import Client, RequestFactory, override_settings

from devices import actions, browser_sign_ins, browsers, identity
from devices.models import Device, DeviceAuthorization
from medimic.audit.log import SYSTEM
from medimic.outbox.models import Delivery
from sessions_app.models import Visit
from tests import cast
from tests.devices.kit import events, link_for, log_in, sign_in_device, token_in

pytestmark = pytest.mark.django_db
NEW = "/sessions/new/"
LIST = "/settings/devices/"
COOKIE = settings.DEVICE_COOKIE_NAME
UBUNTU = "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:146.0) Gecko/20100101 Firefox/146.0"
CHROME = "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
WINDOWS = "Windows NT 10.0; Win64; x64"
SAFARI = "Mozilla/5.0 ({}) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/{} Safari/604.1"


def browser(person, cookie: str = "", agent: str = UBUNTU) -> Client:
    """A browser in which a person has signed in; with a cookie, one that was here before."""
    client = Client(headers={"user-agent": agent})
    if cookie:
        client.cookies[COOKIE] = cookie
    client.force_login(person)
    return client


def start(client: Client, name: str = "Visit", **fields):
    key = client.get(NEW).context["form"]["key"].initial
    key = key() if callable(key) else key
    return client.post(
        NEW, {"name": name, "mode": "shared_device", "organization": "none", "key": key, **fields}
    )


def session_of(response) -> Visit:
    assert response.status_code == 302, response.content.decode()
    return Visit.objects.get(pk=response.url.split("/")[2])


class TestCookie:
    def test_is_long_lived_random_and_for_no_script(self, outsider):
        cookie = browser(outsider).get(NEW).cookies[COOKIE]
        assert re.fullmatch(r"[\w-]{43}", cookie.value)
        assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
        assert cookie["max-age"] == 400 * 24 * 3600
        assert cookie["domain"] == ""

    @override_settings(PRODUCTION=True, DEVICE_COOKIE_NAME="__Host-device")
    def test_is_secure_in_production(self, outsider):
        assert browser(outsider).get(NEW, secure=True).cookies["__Host-device"]["secure"] is True

    def test_differs_for_each_browser_and_stays_in_one(self, outsider):
        first, second = browser(outsider), browser(outsider)
        values = {client.get(NEW).cookies[COOKIE].value for client in (first, second, first, first)}
        assert len(values) == 2

    @pytest.mark.parametrize("value", ["short", "x" * 44, "x" * 42 + "é", "a b", "../" * 14 + "x"])
    def test_one_that_is_none_of_ours_is_replaced(self, outsider, value):
        client = browser(outsider, value)
        assert client.get(NEW).cookies[COOKIE].value != value

    def test_no_other_page_sets_it(self, outsider):
        client = browser(outsider)
        for path in ("/", LIST, "/sessions/", "/settings/security/"):
            assert COOKIE not in client.get(path).cookies
        assert COOKIE not in Client().get(NEW).cookies

    def test_is_kept_as_a_keyed_hash_alone(self, outsider):
        client = browser(outsider)
        start(client)
        value = client.cookies[COOKIE].value
        assert Device.objects.get().identifier_hash == identity.identifier_hash(value)
        assert value not in str(list(Device.objects.values())) + str(
            list(DeviceAuthorization.objects.values())
        )

    def test_survives_the_sign_out(self, outsider):
        client = browser(outsider)
        start(client)
        value = client.cookies[COOKIE].value
        client.post("/accounts/logout/")
        assert client.cookies[COOKIE].value == value


class TestRegistration:
    def test_a_page_alone_registers_nothing(self, outsider):
        browser(outsider).get(NEW)
        assert not Device.objects.exists()

    def test_the_first_session_registers_a_computer_named_after_its_agent(self, outsider):
        session = session_of(start(browser(outsider)))
        row = DeviceAuthorization.objects.get()
        assert session.authorization == row
        assert (row.name, row.account, row.device.owner_person) == (
            "Firefox 146 · Ubuntu",
            outsider,
            outsider,
        )
        assert (row.device.device_type, row.device.os, row.device.app_version) == ("computer", "Ubuntu", "")
        assert [event.person_id for event in events("devices.signed_in")] == [outsider.pk]
        assert Delivery.objects.filter(kind="devices.new_device").count() == 1

    def test_the_next_session_finds_it_again(self, outsider):
        client = browser(outsider)
        sessions = [session_of(start(client, name)) for name in ("One", "Two")]
        assert len({session.authorization_id for session in sessions}) == 1
        assert Device.objects.count() == 1

    def test_so_does_the_next_sign_in(self, outsider):
        client = browser(outsider)
        start(client)
        again = browser(outsider, client.cookies[COOKIE].value)
        start(again)
        assert DeviceAuthorization.objects.count() == 1
        assert DeviceAuthorization.objects.get().last_seen_at

    def test_an_update_of_the_browser_renames_it_unless_somebody_has(self, outsider):
        client = browser(outsider)
        start(client)
        start(browser(outsider, client.cookies[COOKIE].value, UBUNTU.replace("146", "147")))
        row = DeviceAuthorization.objects.get()
        assert (row.name, row.device.model) == ("Firefox 147 · Ubuntu", "Firefox 147")
        actions.rename(authorization=row, name="Front desk", origin=SYSTEM)
        start(browser(outsider, client.cookies[COOKIE].value, UBUNTU.replace("146", "148")))
        row.refresh_from_db()
        assert (row.name, row.device.model) == ("Front desk", "Firefox 148")

    def test_two_people_at_one_browser_have_each_their_own_row_on_one_device(self, provider, outsider):
        first = browser(outsider)
        one = session_of(start(first))
        first.post("/accounts/logout/")
        second = browser(provider, first.cookies[COOKIE].value)
        other = session_of(start(second))
        assert Device.objects.get().owner_person == outsider
        assert one.authorization != other.authorization
        assert second.get(f"/sessions/{one.pk}/").status_code == 404
        assert [row.is_this for row in second.get(LIST).context["rows"]] == [True]

    def test_knowing_the_cookie_s_value_makes_a_phone_none_of_the_account_s(self, outsider):
        client = browser(outsider)
        start(client)
        stranger = cast.make_person()
        response = log_in(token_in(link_for(stranger).link), device_id=client.cookies[COOKIE].value)
        assert response.status_code == 200
        assert DeviceAuthorization.objects.filter(account=outsider).count() == 1
        assert Device.objects.get().owner_person == outsider


class TestLimit:
    def test_one_over_is_refused_with_the_way_out(self, sign_in):
        trial = cast.make_person()
        phone = sign_in_device(trial, name="My phone").authorization
        response = start(browser(trial), "Keep this name")
        page = response.content.decode()
        assert response.status_code == 409
        for words in (
            "Free Trial, allows 1 device",
            "My phone",
            f"{LIST}{phone.pk}/revocation/",
            "Keep this name",
        ):
            assert words in page
        assert not Visit.objects.exists()
        assert Device.objects.count() == 1

    def test_the_way_out_is_one(self):
        trial = cast.make_person()
        phone = sign_in_device(trial).authorization
        client = browser(trial)
        start(client)
        actions.revoke(authorization=phone, by=trial, origin=SYSTEM)
        assert session_of(start(client))

    def test_a_browser_takes_a_place(self):
        trial = cast.make_person()
        start(browser(trial))
        assert start(browser(trial)).status_code == 409

    def test_a_quota_that_is_used_registers_no_browser(self):
        trial = cast.make_person()
        for number in range(10):
            session_of(start(browser(trial, "x" * 43), str(number)))
        actions.revoke(authorization=DeviceAuthorization.objects.get(), by=trial, origin=SYSTEM)
        client = browser(trial, "y" * 43)
        response = start(client)
        assert response.status_code == 409
        assert "holds 10 sessions" in response.content.decode()
        assert Device.objects.count() == 1
        # The sign-in was bound to nothing that is not there.
        assert client.get(LIST).status_code == 200


class TestRevocation:
    @pytest.fixture
    def client(self, outsider) -> Client:
        client = browser(outsider)
        start(client)
        return client

    def revoke(self, person, **reason) -> None:
        row = DeviceAuthorization.objects.get(revoked_at=None)
        assert actions.revoke(authorization=row, by=person, origin=SYSTEM, **reason)

    def test_ends_the_sign_in_on_it_from_the_next_request_on(self, client, outsider):
        elsewhere = browser(outsider)
        self.revoke(outsider)
        assert client.get(LIST).url.startswith("/accounts/login/")
        assert elsewhere.get(LIST).status_code == 200

    def test_starts_nothing_until_the_person_signs_in_again(self, client, outsider):
        cookie = client.cookies[COOKIE].value
        signed_in_before = browser(outsider, cookie)
        # A sign-in that nothing bound to the device: the cookie came later.
        assert browser_sign_ins.NOTE not in signed_in_before.session
        self.revoke(outsider)
        response = start(signed_in_before)
        assert response.status_code == 403
        assert "Sign in on it again" in response.content.decode()
        assert Visit.objects.count() == 1

        session = session_of(start(browser(outsider, cookie)))
        old, new = DeviceAuthorization.objects.order_by("created_at")
        assert (old.successor, session.authorization) == (new, new)
        assert Device.objects.count() == 1

    def test_by_the_organization_or_support_a_sign_in_does_not_undo(self, client, outsider, support):
        self.revoke(support, reason=DeviceAuthorization.RevokedReason.STAFF)
        again = browser(outsider, client.cookies[COOKIE].value)
        response = start(again)
        assert response.status_code == 403
        assert "Only they can allow it again" in response.content.decode()
        assert Visit.objects.count() == 1

    def test_leaves_the_other_people_of_the_browser_alone(self, client, outsider, provider):
        other = browser(provider, client.cookies[COOKIE].value)
        start(other)
        row = DeviceAuthorization.objects.get(account=outsider)
        actions.revoke(authorization=row, by=outsider, origin=SYSTEM)
        assert session_of(start(other))

    def test_sessions_stay(self, client, outsider):
        self.revoke(outsider)
        assert Visit.objects.visible_to(outsider).count() == 1

    def test_a_later_sign_in_on_a_living_one_ends_with_it_too(self, client, outsider):
        later = Client(headers={"user-agent": UBUNTU})
        later.cookies[COOKIE] = client.cookies[COOKIE].value
        later.post("/accounts/login/", {"login": outsider.email, "password": cast.PASSWORD})
        assert later.get(LIST).status_code == 200
        self.revoke(outsider)
        assert later.get(LIST).url.startswith("/accounts/login/")


class TestList:
    def test_this_device_says_so(self, outsider):
        client = browser(outsider)
        start(client)
        sign_in_device(outsider)
        rows = {row.name: row for row in client.get(LIST).context["rows"]}
        assert {name: row.is_this for name, row in rows.items()} == {
            "Firefox 146 · Ubuntu": True,
            "iPhone 15 Pro": False,
        }
        assert rows["Firefox 146 · Ubuntu"].status.reason == ""
        assert "This device" in client.get(LIST).content.decode()
        assert "This device" not in browser(outsider).get(LIST).content.decode()

    def test_a_browser_that_was_signed_out_stays_and_says_so(self, outsider):
        client = browser(outsider)
        start(client)
        client.post("/accounts/logout/")
        (row,) = browser(outsider).get(LIST).context["rows"]
        assert (row.status.label, row.status.reason) == ("Active", "signed out")

    def test_browsers_that_only_signed_in_stand_below_without_counting(self, outsider):
        client = browser(outsider)
        browser(outsider, agent=CHROME.format(WINDOWS)).get("/")
        context = client.get(LIST).context
        assert [(row.browser, row.is_this) for row in context["sign_ins"]] == [
            ("Firefox on Linux", True),
            ("Chrome on Windows", False),
        ]
        assert not context["rows"]
        start(client)
        context = client.get(LIST).context
        assert [row.browser for row in context["sign_ins"]] == ["Chrome on Windows"]
        assert [row.name for row in context["rows"]] == ["Firefox 146 · Ubuntu"]

    def test_one_of_them_is_signed_out_from_here(self, outsider):
        client, other = browser(outsider), browser(outsider)
        other.get("/")
        target = next(row for row in client.get(LIST).context["sign_ins"] if not row.is_this)
        assert client.post(target.href, {"next": LIST}).url == LIST
        assert other.get(LIST).url.startswith("/accounts/login/")
        assert client.get(LIST).status_code == 200

    def test_a_sign_out_leads_to_no_other_place(self, outsider):
        client, other = browser(outsider), browser(outsider)
        other.get("/")
        target = next(row for row in client.get(LIST).context["sign_ins"] if not row.is_this)
        assert client.post(target.href, {"next": "https://elsewhere.example/"}).url == "/settings/security/"

    def test_nobody_sees_another_s(self, outsider, provider):
        browser(provider, agent=CHROME.format(WINDOWS)).get("/")
        assert "Chrome" not in browser(outsider).get(LIST).content.decode()


class TestFacts:
    """What is known of a browser by what it says; the names are those that people know."""

    @pytest.mark.parametrize(
        ("agent", "hints", "name", "platform", "version"),
        [
            (UBUNTU, {}, "Firefox 146 · Ubuntu", "linux", "Ubuntu"),
            (UBUNTU.replace("Ubuntu; ", ""), {}, "Firefox 146 · Linux", "linux", ""),
            (CHROME.format(WINDOWS), {}, "Chrome 141 · Windows", "windows", ""),
            (CHROME.format(WINDOWS), {"version": '"15.0.0"'}, "Chrome 141 · Windows 11", "windows", "11"),
            (CHROME.format(WINDOWS), {"version": '"10.0.0"'}, "Chrome 141 · Windows 10", "windows", "10"),
            (CHROME.format(WINDOWS), {"version": '"0.3.0"'}, "Chrome 141 · Windows", "windows", ""),
            (
                CHROME.format(WINDOWS) + " Edg/141.0.0.0",
                {"version": '"13.0.0"'},
                "Edge 141 · Windows 11",
                "windows",
                "11",
            ),
            (
                SAFARI.format("Macintosh; Intel Mac OS X 10_15_7", "18.1"),
                {},
                "Safari 18 · macOS",
                "macos",
                "",
            ),
            (
                CHROME.format("Macintosh; Intel Mac OS X 10_15_7"),
                {"version": '"15.1.0"', "model": '""'},
                "Chrome 141 · macOS 15.1",
                "macos",
                "15.1",
            ),
            (
                SAFARI.format("iPhone; CPU iPhone OS 17_4 like Mac OS X", "17.4 Mobile/15E148"),
                {},
                "Safari 17 · iOS 17.4",
                "ios",
                "17.4",
            ),
            (
                SAFARI.format("iPad; CPU OS 16_6 like Mac OS X", "16.6 Mobile/15E148"),
                {},
                "Safari 16 · iPadOS 16.6",
                "ipados",
                "16.6",
            ),
            (
                CHROME.format("Linux; Android 10; K").replace("Safari", "Mobile Safari"),
                {},
                "Chrome 141 · Android",
                "android",
                "",
            ),
            (
                CHROME.format("Linux; Android 10; K").replace("Safari", "Mobile Safari"),
                {"version": '"14.0.0"', "model": '"Pixel 8"'},
                "Chrome 141, Pixel 8 · Android 14",
                "android",
                "14",
            ),
            (CHROME.format("X11; CrOS x86_64 14541.0.0"), {}, "Chrome 141 · ChromeOS", "chromeos", ""),
            (
                CHROME.format("X11; Linux x86_64").replace("Chrome/", "HeadlessChrome/"),
                {},
                "Chrome 141 · Linux",
                "linux",
                "",
            ),
            ("", {}, "Browser · Other", "linux", "Other"),
            ("curl/8.1", {}, "curl 8 · Other", "linux", "Other"),
        ],
    )  # fmt: skip
    def test_are_mapped(self, agent, hints, name, platform, version):
        given = browsers.facts_of(request(agent, **hints), "x" * 43)
        assert (given.name, given.platform, given.os_version) == (name, platform, version)
        assert given.device_type_id == "computer"

    @pytest.mark.parametrize(
        "nonsense", ['"' + "9" * 500 + '"', "?1", '"<script>"', '"a\\"b"', "\x00", '"-1"', '"x.y"', '"²"']
    )
    @pytest.mark.parametrize("system", [WINDOWS, "Linux; Android 10; K", "Macintosh; Intel Mac OS X 10_15_7"])
    def test_hints_that_are_none_break_nothing(self, nonsense, system):
        given = browsers.facts_of(request(CHROME.format(system), version=nonsense, model=nonsense), "x" * 43)
        assert given.name.startswith("Chrome 141")
        assert "<" not in given.name

    @pytest.mark.parametrize(
        "agent", ["x" * 5000, "Mozilla/5.0 (" + "(" * 1000, "Firefox/" + "9" * 400, "\u202eFirefox/1"]
    )
    def test_agents_that_are_none_break_nothing(self, agent):
        given = browsers.facts_of(request(agent), "x" * 43)
        assert len(given.name) <= 100

    def test_pages_ask_for_the_hints(self, outsider):
        answer = browser(outsider).get(NEW)
        assert answer["Accept-CH"] == "Sec-CH-UA-Model, Sec-CH-UA-Platform-Version"

    def test_reach_the_device(self, outsider):
        client = browser(outsider, agent=CHROME.format(WINDOWS))
        client.defaults["HTTP_SEC_CH_UA_PLATFORM_VERSION"] = '"15.0.0"'
        start(client)
        assert DeviceAuthorization.objects.get().name == "Chrome 141 · Windows 11"


def request(agent, *, version="", model=""):
    headers = {"user-agent": agent}
    if version:
        headers["sec-ch-ua-platform-version"] = version
    if model:
        headers["sec-ch-ua-model"] = model
    return RequestFactory().get("/", headers=headers)
