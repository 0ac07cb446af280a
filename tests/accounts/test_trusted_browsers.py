""" "Trust this browser": one choice, a long sign-in and no prompt for the second factor; and what ends it."""

import datetime as dt

import pytest
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import trusted_browsers
from accounts.models import TrustedBrowser
from medimic.audit.models import AuditEvent
from tests.accounts.authenticators import add_passkey, sign_in_by
from tests.accounts.conftest import is_signed_in, kinds
from tests.accounts.phones import PhoneSignIn, pending_flow
from tests.cast import PASSWORD

NEW = "another long passphrase"


def come_back(browser, person, **fields):
    """Sign out, and in again with the password; where it leads."""
    browser.post(reverse("account_logout"))
    answer = browser.post(reverse("account_login"), {"login": person.email, "password": PASSWORD, **fields})
    return answer.url


def is_prompted(browser, person, **fields) -> bool:
    return come_back(browser, person, **fields) == reverse("mfa_authenticate")


@pytest.fixture
def app(provider, enrol):
    return enrol(provider)


@pytest.fixture
def trusted(provider, app, log_in) -> Client:
    """A browser that is signed in and trusted, after a factor."""
    return log_in(provider, app, remember="on")


class TestTrusting:
    def test_is_a_long_sign_in_and_no_prompt_next_time(self, provider, trusted):
        assert trusted.cookies["sign-in"]["max-age"] == settings.SESSION_COOKIE_AGE
        assert not is_prompted(trusted, provider)
        assert is_signed_in(trusted)
        # And long again, though nothing was ticked this time.
        assert trusted.cookies["sign-in"]["max-age"] == settings.SESSION_COOKIE_AGE

    def test_not_chosen_is_neither(self, provider, app, log_in):
        browser = log_in(provider, app)
        assert browser.cookies["sign-in"]["max-age"] == ""
        assert "trust" not in browser.cookies
        assert is_prompted(browser, provider)

    def test_without_a_factor_is_a_long_sign_in_and_spares_none_later(self, provider, log_in, enrol):
        browser = log_in(provider, remember="on")
        assert browser.cookies["sign-in"]["max-age"] == settings.SESSION_COOKIE_AGE
        enrol(provider)
        assert is_prompted(browser, provider)

    def test_by_passkey_alone_counts_as_well(self, provider, log_in):
        passkey = add_passkey(log_in(provider))
        browser = Client()
        sign_in_by(browser, passkey, remember="on")
        assert browser.cookies["sign-in"]["max-age"] == settings.SESSION_COOKIE_AGE
        assert not is_prompted(browser, provider)

    def test_is_of_one_person_alone(self, provider, colleague, trusted, enrol):
        enrol(colleague)
        assert is_prompted(trusted, colleague)

    def test_two_people_may_trust_the_same_browser(self, provider, colleague, trusted, app, enrol):
        theirs = enrol(colleague)
        assert is_prompted(trusted, colleague, remember="on")
        trusted.post(reverse("mfa_authenticate"), {"code": theirs.code()})
        assert not is_prompted(trusted, provider)
        assert not is_prompted(trusted, colleague)

    def test_is_recorded(self, provider, trusted):
        assert kinds(provider)[-2:] == ["accounts.signed_in", "accounts.browser_trusted"]

    def test_nothing_that_is_kept_signs_in(self, provider, trusted):
        [row] = TrustedBrowser.objects.all()
        token = trusted.cookies["trust"].value
        assert token not in str(row.__dict__)
        thief = Client()
        thief.cookies["trust"] = row.token_hash
        assert is_prompted(thief, provider)

    def test_its_cookie_alone_opens_nothing(self, trusted):
        thief = Client()
        thief.cookies["trust"] = trusted.cookies["trust"].value
        assert not is_signed_in(thief)

    def test_its_cookie_is_out_of_reach_of_scripts_and_other_sites(self, trusted):
        cookie = trusted.cookies["trust"]
        assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")

    @pytest.mark.parametrize("value", ["", "x", "x" * 43, "ü" * 43, "x" * 5000])
    def test_a_made_up_cookie_spares_nobody(self, provider, app, value):
        browser = Client()
        browser.cookies["trust"] = value
        assert is_prompted(browser, provider)


class TestWhatItIsNot:
    def test_it_proves_no_factor(self, provider, trusted):
        come_back(trusted, provider)
        assert "otp_device_id" not in trusted.session

    def test_it_counts_for_nothing_where_a_recent_authentication_is_asked_for(self, provider, trusted):
        come_back(trusted, provider)
        for name in ("sign_out_everywhere", "device_authentication", "account_email"):
            assert trusted.get(reverse(name)).url.startswith(reverse("mfa_reauthenticate")), name

    def test_it_counts_for_nothing_on_a_phone(self, provider, trusted):
        phone = PhoneSignIn()
        phone.client.cookies["trust"] = trusted.cookies["trust"].value
        assert pending_flow(phone.log_in(provider)) == "mfa_authenticate"
        assert not phone.is_signed_in()
        # Where it counts, it is a good one.
        assert not is_prompted(trusted, provider)

    def test_a_phones_sign_in_makes_none(self, provider, db):
        PhoneSignIn().call("post", "login", {"email": provider.email, "password": PASSWORD, "remember": "on"})
        assert not TrustedBrowser.objects.exists()


class TestEnds:
    def test_with_sign_out_everywhere(self, provider, trusted, app, log_in):
        log_in(provider, app).post(reverse("sign_out_everywhere"))
        assert not TrustedBrowser.objects.exists()
        assert is_prompted(trusted, provider)

    def test_with_sign_out_everywhere_even_where_the_row_stayed(self, provider, trusted):
        provider.end_sign_ins()
        assert TrustedBrowser.objects.exists()
        assert is_prompted(trusted, provider)

    def test_with_a_new_password_elsewhere(self, provider, trusted, app, log_in):
        change = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
        log_in(provider, app).post(reverse("account_change_password"), change)
        assert is_prompted(trusted, provider, password=NEW)

    def test_not_with_a_new_password_from_here(self, provider, trusted):
        change = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
        assert trusted.post(reverse("account_change_password"), change).url == reverse("security")
        assert not is_prompted(trusted, provider, password=NEW)

    def test_when_a_factor_is_removed_and_another_one_set_up_elsewhere(self, provider, trusted, app, log_in):
        other = log_in(provider, app)
        add_passkey(other)
        assert is_prompted(trusted, provider)

    def test_not_with_a_factor_that_is_added_from_here(self, provider, trusted):
        add_passkey(trusted)
        assert not is_prompted(trusted, provider)

    def test_after_thirty_days(self, provider, trusted):
        TrustedBrowser.objects.update(
            created_at=timezone.now() - dt.timedelta(days=31), expires_at=timezone.now()
        )
        assert is_prompted(trusted, provider)
        trusted_browsers.prune()
        assert not TrustedBrowser.objects.exists()

    def test_when_factors_are_deleted_in_the_database(self, provider, trusted, enrol):
        Authenticator.objects.filter(user=provider).delete()
        enrol(provider)
        assert is_prompted(trusted, provider)


class TestForgetting:
    def row(self, browser, **wanted):
        rows = browser.get(reverse("security")).context["sign_ins"]
        return next(row for row in rows if all(getattr(row, name) == value for name, value in wanted.items()))

    def test_this_one_ends_both(self, provider, trusted):
        answer = trusted.post(self.row(trusted, is_this=True).forget_href)
        assert answer.url == reverse("account_login")
        assert not is_signed_in(trusted)
        assert is_prompted(trusted, provider)
        assert "accounts.browser_forgotten" in kinds(provider)

    def test_another_one_ends_both_from_here(self, provider, trusted, app, log_in):
        here = log_in(provider, app)
        assert here.post(self.row(here, is_trusted=True).forget_href).url == reverse("security")
        assert not is_signed_in(trusted)
        assert is_signed_in(here)
        assert is_prompted(trusted, provider)

    def test_one_that_is_signed_out_stays_listed_until_forgotten(self, provider, trusted, app, log_in):
        trusted.post(reverse("account_logout"))
        here = log_in(provider, app)
        row = self.row(here, is_signed_in=False)
        assert (row.is_trusted, row.sign_out_href) == (True, "")
        here.post(row.forget_href)
        assert is_prompted(trusted, provider)

    def test_signing_another_one_out_leaves_it_trusted(self, provider, trusted, app, log_in):
        here = log_in(provider, app)
        here.post(self.row(here, is_trusted=True).sign_out_href)
        assert not is_signed_in(trusted)
        assert not is_prompted(trusted, provider)

    def test_nobody_forgets_anothers(self, provider, colleague, trusted, log_in):
        address = self.row(trusted, is_this=True).forget_href
        assert log_in(colleague).post(address).status_code == 404
        assert Client().post(address).url.startswith(reverse("account_login"))
        assert TrustedBrowser.objects.exists()

    def test_only_post(self, trusted):
        assert trusted.get(self.row(trusted, is_this=True).forget_href).status_code == 405

    def test_nothing_ends_when_the_log_cannot_be_written(self, provider, trusted, app, log_in, monkeypatch):
        here = log_in(provider, app)
        address = self.row(here, is_trusted=True).forget_href

        def broken(*args, **kwargs):
            raise OSError

        monkeypatch.setattr("accounts.trusted_browsers.record", broken)
        here.raise_request_exception = False
        assert here.post(address).status_code == 500
        assert is_signed_in(trusted)
        assert TrustedBrowser.objects.exists()


def test_a_sign_in_whose_trust_was_ended_is_an_ordinary_one_within_a_minute(provider, trusted, monkeypatch):
    import time

    TrustedBrowser.objects.all().delete()
    later = time.time() + 61
    monkeypatch.setattr(time, "time", lambda: later)
    trusted.get(reverse("profile"))
    assert trusted_browsers.NOTE not in trusted.session
    assert trusted.cookies["sign-in"]["max-age"] == ""


def test_the_mark_of_every_event_reads(provider, trusted):
    from medimic.audit.presenters import sentence

    rows = AuditEvent.objects.filter(person_id=provider.pk)
    assert not [row.kind for row in rows if sentence(row) == row.kind]
