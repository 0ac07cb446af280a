"""Alerts in this browser: turned on, changed, renewed and off, and gone with whoever turned them on."""

import json
import time

import pytest
from django.conf import settings
from django.test import Client

from accounts import sign_ins
from accounts.actions import sign_out_everywhere
from devices import actions, browser_push, browser_sign_ins, browsers, push_alerts
from devices.models import DeviceAuthorization, PushKind, PushSettings
from devices.push_services.webpush import new_private_key, public_key
from medimic.audit.log import SYSTEM
from tests import cast
from tests.devices.kit import events, sign_in_device
from tests.devices.test_browsers import COOKIE, browser, start
from tests.push_services.receiving import Browser

pytestmark = pytest.mark.django_db

PAGE = "/settings/notifications/"
PANEL = f"{PAGE}this-browser/"
ON = f"{PANEL}subscription/"
OFF = f"{ON}ending/"
RENEWAL = f"{ON}renewal/"
SERVICE = "https://updates.push.services.mozilla.com/wpush/v2/"


@pytest.fixture(autouse=True)
def keys(settings):
    settings.VAPID_PRIVATE_KEY = new_private_key()
    settings.VAPID_SUBJECT = "mailto:operations@medimic.example"


def subscription(name: str = "one") -> dict[str, str]:
    """What a browser gives, as its page sends it."""
    return json.loads(Browser(SERVICE + name).token)


def turn_on(client: Client, name: str = "one"):
    return client.post(ON, subscription(name))


def page(client: Client) -> str:
    return client.get(PAGE).content.decode()


def routed() -> list[DeviceAuthorization]:
    return list(DeviceAuthorization.objects.exclude(push_hash=""))


class TestPanel:
    def test_offers_them_with_the_key_and_says_what_a_browser_that_is_no_device_takes(self):
        trial = cast.make_person()
        shown = page(browser(trial))
        assert f'data-this-browser="off" data-key="{public_key()}"' in shown
        assert "This browser then counts as one of your devices: 0 of 1 are in use." in shown

    def test_says_nothing_of_places_where_the_browser_is_one_already(self, outsider):
        client = browser(outsider)
        start(client)
        assert "then counts as one" not in page(client)

    def test_says_so_where_the_portal_has_no_key(self, outsider, settings):
        settings.VAPID_PRIVATE_KEY = ""
        shown = page(browser(outsider))
        assert "whoever runs it has not set that up" in shown
        assert "this-browser.js" not in shown
        assert turn_on(browser(outsider)).status_code == 404

    def test_lets_one_script_be_registered_and_only_there(self, outsider):
        client = browser(outsider)
        assert "trusted-types push-worker" in client.get(PAGE)["Content-Security-Policy"]
        assert "trusted-types 'none'" in client.get("/settings/")["Content-Security-Policy"]

    def test_costs_the_same_however_many_devices_there_are(self, django_assert_max_num_queries):
        person = cast.make_person()
        cast.subscribe(person)
        client = browser(person)
        turn_on(client)
        page(client)
        with django_assert_max_num_queries(30) as before:
            page(client)
        for _ in range(2):
            sign_in_device(person)
        with django_assert_max_num_queries(len(before)):
            page(client)


class TestTurningOn:
    def test_makes_the_browser_a_device_that_alerts_are_routed_to(self, outsider):
        client = browser(outsider)
        given = subscription()
        assert client.post(ON, given).url == PAGE
        (row,) = routed()
        assert (row.account, row.push_service, json.loads(row.push_token)) == (outsider, "webpush", given)
        assert row.device.device_type == "computer"
        assert 'data-this-browser="on"' in page(client)
        assert [(event.person_id, event.object_id) for event in events("devices.alerts_turned_on")] == [
            (outsider.pk, str(row.pk))
        ]

    def test_ends_with_the_sign_in_of_that_browser_when_it_is_revoked(self, outsider):
        client = browser(outsider)
        turn_on(client)
        actions.revoke(authorization=routed()[0], by=outsider, origin=SYSTEM)
        assert routed() == []
        assert client.get(PAGE).status_code == 302

    def test_one_device_too_many_is_refused_with_the_way_out(self):
        trial = cast.make_person()
        phone = sign_in_device(trial, name="My phone").authorization
        answer = turn_on(browser(trial))
        shown = answer.content.decode()
        assert answer.status_code == 409
        assert "Free Trial, allows 1 device" in shown
        assert f"/settings/devices/{phone.pk}/revocation/" in shown
        assert routed() == []
        assert not events("devices.alerts_turned_on")

    def test_a_revoked_browser_has_to_sign_in_first(self, outsider):
        client = browser(outsider)
        turn_on(client)
        cookie = client.cookies[COOKIE].value
        other = browser(outsider, cookie)
        actions.revoke(authorization=routed()[0], by=outsider, origin=SYSTEM)
        session = other.session
        session["signed_in_at"] = 0
        session.save()
        answer = turn_on(other)
        assert answer.status_code == 403
        assert "Sign in on it again" in answer.content.decode()

    def test_a_browser_that_is_revoked_just_now_is_refused_too(self, outsider, monkeypatch):
        client = browser(outsider)
        start(client)
        find = browsers.authorization_for

        def find_and_revoke(request):
            found = find(request)
            row = DeviceAuthorization.objects.get(pk=found.pk)
            actions.revoke(authorization=row, by=outsider, origin=SYSTEM)
            return found

        monkeypatch.setattr(browsers, "authorization_for", find_and_revoke)
        answer = turn_on(client)
        assert answer.status_code == 403
        assert "Sign in on it again" in answer.content.decode()
        assert routed() == []

    @pytest.mark.parametrize(
        "changed",
        [
            {"endpoint": "https://internal.example/wpush"},
            {"endpoint": "http://updates.push.services.mozilla.com/wpush"},
            {"endpoint": "https://127.0.0.1/"},
            {"endpoint": "https://updates.push.services.mozilla.com@evil.example/"},
            {"endpoint": SERVICE + "x" * 4096},
            {"endpoint": SERVICE + "ż"},
            {"endpoint": ""},
            {"p256dh": "A" * 87},
            {"p256dh": "B" * 86},
            {"auth": ""},
            {"auth": "\x00" * 22},
        ],
    )
    def test_what_is_no_subscription_is_refused(self, outsider, changed):
        client = browser(outsider)
        answer = client.post(ON, subscription() | changed)
        assert answer.status_code == 422
        assert "cannot send to the push service" in answer.content.decode()
        assert not DeviceAuthorization.objects.exists()

    def test_patients_have_no_use_for_it(self, patient):
        assert turn_on(browser(patient)).status_code == 404

    def test_needs_the_token_of_the_page(self, outsider):
        client = Client(enforce_csrf_checks=True)
        client.force_login(outsider)
        for address in (ON, OFF, RENEWAL, PANEL):
            assert client.post(address, subscription()).status_code == 403

    def test_nothing_changes_where_it_cannot_be_logged(self, outsider, monkeypatch):
        def fail(*args, **kwargs):
            raise RuntimeError("no log")

        client = browser(outsider)
        monkeypatch.setattr(browser_push, "record", fail)
        with pytest.raises(RuntimeError, match="no log"):
            turn_on(client)
        assert not DeviceAuthorization.objects.exists()


class TestChanging:
    def post(self, client: Client, **fields):
        return client.post(PANEL, fields)

    def test_is_for_this_browser_alone(self, outsider):
        here, elsewhere = browser(outsider), browser(outsider)
        turn_on(here, "here")
        turn_on(elsewhere, "elsewhere")
        answer = self.post(here, session_expiring="on", quiet_from="22:00", quiet_until="07:30")
        assert answer.url == PAGE
        wanted = PushSettings.objects.get()
        assert (wanted.kinds, f"{wanted.quiet_from:%H:%M}–{wanted.quiet_until:%H:%M}") == (
            ["session_expiring"],
            "22:00–07:30",
        )
        shown = page(here)
        assert "A session is about to expire" in shown
        assert 'data-this-browser="on"' in page(elsewhere)

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"quiet_from": "22:00"}, "Give both times"),
            ({"quiet_until": "22:00"}, "Give both times"),
            ({"quiet_from": "late", "quiet_until": "07:00"}, "hours:minutes"),
            ({"quiet_from": "07:00", "quiet_until": "07:00"}, "Choose another time"),
        ],
    )
    def test_keeps_what_was_typed_where_it_makes_no_sense(self, outsider, fields, words):
        client = browser(outsider)
        turn_on(client)
        answer = self.post(client, **fields)
        shown = answer.content.decode()
        assert words in shown
        assert all(f'value="{value}"' in shown for value in fields.values())
        # A picker of times shows nothing but times.
        assert ('type="text" name="quiet_from"' in shown) is (fields.get("quiet_from") == "late")
        assert 'type="time" name="quiet_until"' in shown
        assert not PushSettings.objects.exists()

    def test_there_is_nothing_to_change_while_they_are_off(self, outsider):
        client = browser(outsider)
        start(client)
        assert client.get(PANEL).url == PAGE
        assert self.post(client, quiet_from="22:00", quiet_until="07:00").url == PAGE
        assert not PushSettings.objects.exists()


class TestTurningOff:
    def test_forgets_the_route_and_keeps_the_device_and_what_was_set(self, outsider):
        client = browser(outsider)
        turn_on(client)
        client.post(PANEL, {"session_expiring": "on"})
        assert client.post(OFF).url == PAGE
        assert routed() == []
        assert 'data-this-browser="off"' in page(client)
        assert len(events("devices.alerts_turned_off")) == 1
        turn_on(client)
        assert [row.push_settings.kinds for row in routed()] == [["session_expiring"]]

    def test_once_more_changes_nothing(self, outsider):
        client = browser(outsider)
        turn_on(client)
        client.post(OFF)
        assert client.post(OFF).url == PAGE
        assert len(events("devices.alerts_turned_off")) == 1

    def test_another_browser_of_the_person_keeps_its_own(self, outsider):
        here, elsewhere = browser(outsider), browser(outsider)
        turn_on(here, "here")
        turn_on(elsewhere, "elsewhere")
        here.post(OFF)
        assert [json.loads(row.push_token)["endpoint"] for row in routed()] == [f"{SERVICE}elsewhere"]


class TestRenewal:
    def test_the_worker_reads_what_stands_and_puts_the_new_one_in_place(self, outsider):
        client = browser(outsider)
        turn_on(client)
        state = client.get(RENEWAL).json()
        assert (state["is_on"], state["public_key"]) == (True, public_key())
        renewed = subscription("renewed")
        assert client.post(RENEWAL, renewed).json()["is_on"] is True
        assert [json.loads(row.push_token) for row in routed()] == [renewed]

    def test_its_token_is_good_for_the_post(self, outsider):
        client = browser(outsider)
        turn_on(client)
        strict = Client(enforce_csrf_checks=True)
        strict.cookies = client.cookies
        token = strict.get(RENEWAL).json()["csrf"]
        answer = strict.post(RENEWAL, subscription("renewed"), headers={"X-CSRFToken": token})
        assert answer.json()["is_on"] is True

    def test_turns_nothing_on(self, outsider):
        client = browser(outsider)
        start(client)
        assert client.get(RENEWAL).json()["is_on"] is False
        assert client.post(RENEWAL, subscription()).json()["is_on"] is False
        assert routed() == []

    def test_what_is_no_subscription_is_refused_as_a_problem(self, outsider):
        client = browser(outsider)
        turn_on(client)
        answer = client.post(RENEWAL, {"endpoint": "https://internal.example/"})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_content")
        assert len(routed()) == 1

    def test_keeps_no_sign_in_alive(self, outsider, monkeypatch):
        client = browser(outsider)
        turn_on(client)
        began = time.time()
        for minutes in (20, 40):
            monkeypatch.setattr(time, "time", lambda at=began + minutes * 60: at)
            client.get(RENEWAL)
        assert client.get("/accounts/time-left/").json() == {"who": ""}


class TestLeaving:
    """Whoever comes after finds it off, and nothing of before goes there."""

    @pytest.fixture
    def left(self, outsider):
        client = browser(outsider)
        turn_on(client)
        return client

    def test_signing_out_turns_it_off(self, left):
        left.post("/accounts/logout/")
        assert routed() == []

    def test_somebody_else_who_signs_in_has_it_off(self, left, provider):
        """Even where nobody signed out: the browser lost the cookie of the sign-in alone."""
        del left.cookies[settings.SESSION_COOKIE_NAME]
        left.post("/accounts/login/", {"login": provider.email, "password": cast.PASSWORD})
        assert left.session["_auth_user_id"] == str(provider.pk)
        assert routed() == []
        assert 'data-this-browser="off"' in page(left)

    def test_somebody_else_who_turns_it_on_takes_it_over(self, left, provider):
        """The subscription is the browser's own, whoever sits there."""
        given = json.loads(routed()[0].push_token)
        other = browser(provider, left.cookies[COOKIE].value)
        other.post(ON, given)
        assert [row.account for row in routed()] == [provider]

    def test_a_time_out_leaves_it_off_for_whoever_signs_in_next(self, left, outsider, monkeypatch):
        now = time.time() + 31 * 60
        monkeypatch.setattr(time, "time", lambda: now)
        left.post("/accounts/login/", {"login": outsider.email, "password": cast.PASSWORD})
        assert left.session["_auth_user_id"] == str(outsider.pk)
        assert routed() == []

    @pytest.mark.parametrize("way", ["times out", "signs out everywhere", "is signed out elsewhere"])
    def test_nothing_goes_to_a_browser_whose_sign_in_is_over(self, left, outsider, monkeypatch, way):
        """Whether anybody came back to it or not."""
        assert push_alerts.reachable(outsider, PushKind.SESSION_EXPIRING)
        if way == "times out":
            now = time.time() + 31 * 60
            monkeypatch.setattr(time, "time", lambda: now)
        elif way == "signs out everywhere":
            sign_out_everywhere(person=outsider, origin=SYSTEM)
        else:
            (sign_in,) = sign_ins.living(outsider)
            browser_sign_ins.end(person=outsider, sign_in=sign_in, origin=SYSTEM)
        assert push_alerts.reachable(outsider, PushKind.SESSION_EXPIRING) == []

    def test_the_page_of_the_sign_in_tells_the_worker(self, client):
        assert "push-leave" in client.get("/accounts/login/").content.decode()


class TestWorker:
    def test_is_a_script_for_all_of_the_portal_that_is_asked_for_anew_each_time(self, client):
        answer = client.get("/push-worker.js")
        assert answer["Content-Type"] == "text/javascript; charset=utf-8"
        assert answer["Cache-Control"] == "no-cache"
        assert "worker-src 'self'" in answer["Content-Security-Policy"]
        assert client.get("/push-worker.js", headers={"If-None-Match": answer["ETag"]}).status_code == 304

    @pytest.mark.once
    def test_names_the_address_that_renews(self, client):
        assert f'const RENEWAL = "{RENEWAL}";' in client.get("/push-worker.js").content.decode()

    def test_is_only_read(self, client):
        assert client.post("/push-worker.js").status_code == 405
