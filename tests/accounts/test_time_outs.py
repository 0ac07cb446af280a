"""Sign-ins end by themselves, unused or too long ago, and leave nothing for whoever comes next."""

import time
from types import SimpleNamespace

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.auth import get_user
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse

from accounts import sign_ins, time_outs
from accounts.middleware import Sessions
from accounts.models import Person
from medimic.audit.models import AuditEvent
from medimic.audit.presenters import sentence
from tests.accounts.conftest import is_signed_in, kinds
from tests.cast import PASSWORD

MINUTE, HOUR, DAY = 60, 3600, 24 * 3600
TIME_LEFT = "/accounts/time-left/"
PROFILE = "/settings/"


@pytest.fixture
def wall(monkeypatch):
    """The clock on the wall: `wall.forward(seconds)`."""
    clock = SimpleNamespace(now=time.time())
    monkeypatch.setattr(time, "time", lambda: clock.now)

    def forward(seconds):
        clock.now += seconds

    clock.forward = forward
    return clock


@pytest.fixture
def log_in_at(wall, log_in):
    """Sign in, and be there once."""

    def at(person, app=None, **fields):
        browser = log_in(person, app, **fields)
        browser.get(PROFILE)
        return browser

    return at


def is_in(browser) -> bool:
    """Asked as a page asks by itself: that is no use."""
    return browser.get(TIME_LEFT).json()["who"] != ""


@pytest.mark.parametrize(
    ("is_staff", "remember", "idle", "longest"),
    [
        (False, "", 30 * MINUTE, 12 * HOUR),
        (False, "on", 7 * DAY, 30 * DAY),
        (True, "", 15 * MINUTE, 8 * HOUR),
        (True, "on", 60 * MINUTE, 8 * HOUR),
    ],
)
class TestLimits:
    @pytest.fixture
    def browser(self, provider, log_in_at, is_staff, remember):
        Person.objects.filter(pk=provider.pk).update(is_staff=is_staff)
        return log_in_at(provider, **({"remember": "on"} if remember else {}))

    def test_unused_it_ends(self, browser, wall, idle, longest):
        wall.forward(idle - 5)
        assert is_in(browser)
        wall.forward(6)
        assert not is_in(browser)

    def test_used_it_goes_on(self, browser, wall, idle, longest):
        for _ in range(3):
            wall.forward(idle - 5)
            if wall.now > browser.session["began"] + longest:
                return
            assert browser.get(PROFILE).status_code == 200

    def test_in_all_it_ends_however_much_it_is_used(self, browser, wall, idle, longest):
        step = min(idle - 5, longest / 3)
        end = browser.session["began"] + longest
        while wall.now + step < end:
            wall.forward(step)
            assert browser.get(PROFILE).status_code == 200
        wall.now = end + 1
        assert browser.get(PROFILE).status_code == 302


class TestEnd:
    @pytest.fixture
    def browser(self, provider, log_in_at):
        return log_in_at(provider)

    def test_is_told_and_recorded(self, provider, browser, wall):
        wall.forward(31 * MINUTE)
        page = browser.get(PROFILE, follow=True)
        assert "was not used for a while" in page.content.decode()
        assert kinds(provider) == ["accounts.signed_in", "accounts.timed_out"]
        row = AuditEvent.objects.get(kind="accounts.timed_out")
        assert "not used" in sentence(row)

    def test_in_all_says_so(self, browser, wall, provider):
        for _ in range(24):
            wall.forward(29 * MINUTE)
            browser.get(PROFILE)
        wall.forward(29 * MINUTE)
        assert "a long time ago" in browser.get(PROFILE, follow=True).content.decode()

    def test_leaves_the_old_cookie_worth_nothing(self, browser, wall):
        key = browser.cookies["sign-in"].value
        wall.forward(31 * MINUTE)
        browser.get(PROFILE)
        thief = Client()
        thief.cookies["sign-in"] = key
        assert not is_signed_in(thief)

    def test_ends_a_stolen_cookie_even_where_the_browser_is_gone(self, browser, wall):
        thief = Client()
        thief.cookies["sign-in"] = browser.cookies["sign-in"].value
        wall.forward(31 * MINUTE)
        assert not is_signed_in(thief)

    def test_leaves_no_data_of_the_one_who_left(self, provider, browser, wall):
        wall.forward(31 * MINUTE)
        page = browser.get(PROFILE, follow=True).content.decode()
        assert provider.email not in page
        assert provider.name not in page
        assert str(provider.pk) not in str(dict(browser.session))

    def test_is_told_too_where_a_second_tab_asks_at_the_same_time(self, browser, wall):
        asks_at_once = {"HTTP_COOKIE": f"sign-in={browser.cookies['sign-in'].value}"}
        wall.forward(31 * MINUTE)
        browser.get(PROFILE)
        second = Client().get("/sessions/", **asks_at_once)
        assert second.url == f"{reverse('account_login')}?next=/sessions/"
        assert "sign-in" not in second.cookies
        assert "was not used for a while" in browser.get(second.url).content.decode()

    def test_is_one_of_two_requests_of_one_moment(self, provider, browser):
        """The other changes nothing: not the log, and not the cookie that says why, and where they were."""

        def asked(path):
            request = RequestFactory().get(path)
            request.session = SessionStore(browser.cookies["sign-in"].value)
            request.user = get_user(request)
            MessageMiddleware(lambda request: HttpResponse()).process_request(request)
            return request

        first, second = asked("/settings/"), asked("/sessions/")
        time_outs.end(first, time_outs.IDLE)
        time_outs.end(second, time_outs.IDLE)
        assert kinds(provider) == ["accounts.signed_in", "accounts.timed_out"]
        assert first.session[time_outs.LEFT]["paths"] == ["/settings/"]
        second.COOKIES = {"sign-in": browser.cookies["sign-in"].value}
        assert not second.user.is_authenticated
        assert not Sessions(lambda _: None).process_response(second, HttpResponse()).cookies

    def test_is_not_listed_any_more(self, provider, browser, wall, log_in_at):
        wall.forward(31 * MINUTE)
        here = log_in_at(provider)
        assert len(here.get(reverse("security")).context["sign_ins"]) == 1
        assert len(here.get(reverse("devices")).context["sign_ins"]) == 1

    def test_a_post_does_nothing(self, provider, browser, wall):
        wall.forward(31 * MINUTE)
        answer = browser.post(PROFILE, {"first_name": "Changed"})
        assert answer.url.startswith(reverse("account_login"))
        provider.refresh_from_db()
        assert provider.first_name == "Paula"


class TestWhatIsNoUse:
    @pytest.fixture
    def browser(self, provider, log_in_at):
        return log_in_at(provider)

    def try_all_along(self, browser, wall, ask):
        for _ in range(4):
            wall.forward(10 * MINUTE)
            ask()
        return is_in(browser)

    def test_asking_for_the_time_left(self, browser, wall):
        assert not self.try_all_along(browser, wall, lambda: browser.get(TIME_LEFT))

    def test_asking_for_the_state_of_a_link(self, browser, wall):
        unknown = "00000000-0000-0000-0000-000000000007"
        address = reverse("device_link_state", args=[unknown])
        assert not self.try_all_along(browser, wall, lambda: browser.get(address))

    def test_asking_for_a_sessions_token(self, browser, wall):
        address = reverse("session_token", args=["00000000-0000-0000-0000-000000000007"])
        assert not self.try_all_along(browser, wall, lambda: browser.post(address))

    def test_asking_for_the_state_of_a_bulk_revocation(self, browser, wall, clinic):
        number = "00000000-0000-0000-0000-000000000007"
        address = reverse("organization_devices_revocation_state", args=[clinic.slug, number])
        assert not self.try_all_along(browser, wall, lambda: browser.get(address))

    def test_calling_the_api(self, browser, wall):
        assert not self.try_all_along(browser, wall, lambda: browser.get("/api/devices"))

    def test_what_a_script_fetches(self, browser, wall):
        fetched = {"sec-fetch-mode": "cors"}
        assert not self.try_all_along(browser, wall, lambda: browser.get(PROFILE, headers=fetched))

    def test_what_a_person_opens_is(self, browser, wall):
        opened = {"sec-fetch-mode": "navigate"}
        assert self.try_all_along(browser, wall, lambda: browser.get(PROFILE, headers=opened))

    def test_and_saying_that_one_is_there(self, browser, wall):
        assert self.try_all_along(browser, wall, lambda: browser.post(TIME_LEFT))


class TestTimeLeft:
    def test_tells_who_and_how_long(self, provider, log_in_at, wall):
        browser = log_in_at(provider)
        wall.forward(10 * MINUTE)
        told = browser.get(TIME_LEFT).json()
        assert told["idle"] == pytest.approx(20 * MINUTE, abs=2)
        assert told["longest"] == pytest.approx(12 * HOUR - 10 * MINUTE, abs=2)
        page = browser.get(PROFILE).content.decode()
        assert f'data-who="{told["who"]}"' in page
        assert 'data-idle="1800"' in page
        assert 'data-warning="120"' in page

    def test_tells_people_apart_and_names_nobody(self, provider, colleague, log_in_at):
        one, other = (log_in_at(person).get(TIME_LEFT).json()["who"] for person in (provider, colleague))
        assert one != other
        assert one not in str(provider.pk)

    def test_tells_nobody_of_nobody(self, client, db):
        assert client.get(TIME_LEFT).json() == {"who": ""}
        assert client.post(TIME_LEFT).json() == {"who": ""}
        assert not UserSession.objects.exists()

    def test_only_get_and_post(self, client, db):
        assert client.put(TIME_LEFT).status_code == 405

    def test_is_not_extended_by_another_site(self, provider, wall):
        browser = Client(enforce_csrf_checks=True)
        browser.force_login(provider)
        assert browser.post(TIME_LEFT).status_code == 403


class TestWhoComesNext:
    """A leaves the computer; A comes back, or B comes."""

    @pytest.fixture
    def browser(self, provider, log_in_at, wall):
        browser = log_in_at(provider)
        wall.forward(31 * MINUTE)
        return browser

    def leave(self, browser, path="/settings/security/"):
        answer = browser.get(path)
        assert answer.url == f"{reverse('account_login')}?next={path}"
        return path

    def come(self, browser, person, onward):
        return browser.post(
            reverse("account_login"), {"login": person.email, "password": PASSWORD, "next": onward}
        ).url

    def test_the_same_person_goes_on_where_they_were(self, provider, browser):
        onward = self.leave(browser)
        assert self.come(browser, provider, onward) == onward

    def test_somebody_else_does_not(self, colleague, browser):
        onward = self.leave(browser)
        assert self.come(browser, colleague, onward) == "/"
        assert is_signed_in(browser)

    def test_nor_where_a_second_tab_was_of_which_nothing_is_noted(self, colleague, browser):
        self.leave(browser)
        assert self.come(browser, colleague, "/settings/activity/") == "/"

    def test_nor_by_the_page_of_the_sign_in_that_stood_there_overnight(self, colleague, browser, wall):
        self.leave(browser)
        wall.forward(9 * HOUR)
        browser.get("/accounts/login/?next=/settings/activity/")
        assert self.come(browser, colleague, "/settings/activity/") == "/"

    def test_nor_where_the_page_noticed_it_by_itself(self, colleague, browser):
        browser.get(TIME_LEFT)
        browser.get("/settings/security/")
        assert self.come(browser, colleague, "/settings/security/") == "/"

    def test_after_a_while_an_address_is_whoevers_asks(self, colleague, browser, wall):
        self.leave(browser, "/sessions/")
        wall.forward(2 * MINUTE)
        browser.get("/settings/activity/")
        assert self.come(browser, colleague, "/settings/activity/") == "/settings/activity/"


def test_as_many_queries_for_one_open_browser_as_for_many(provider, log_in_at, django_assert_num_queries):
    log_in_at(provider)
    with django_assert_num_queries(2):
        assert len(sign_ins.open_now(provider)) == 1
    for _ in range(6):
        log_in_at(provider)
    with django_assert_num_queries(2):
        assert len(sign_ins.open_now(provider)) == 7
