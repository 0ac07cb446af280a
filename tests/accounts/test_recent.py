"""What matters asks for an authentication of the last quarter of an hour, with the factor if there is one."""

import time

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from accounts.models import Person
from tests.accounts.authenticators import add_passkey
from tests.accounts.conftest import is_signed_in
from tests.cast import PASSWORD

# What asks everybody, as the clinic's admin reaches it.
ACTS = {
    "email": lambda clinic: reverse("account_email"),
    "password": lambda clinic: reverse("account_change_password"),
    "authenticator app": lambda clinic: reverse("mfa_activate_totp"),
    "passkey": lambda clinic: reverse("mfa_add_webauthn"),
    "new recovery codes": lambda clinic: reverse("mfa_generate_recovery_codes"),
    "device link": lambda clinic: reverse("device_authentication"),
    "confirmation of devices": lambda clinic: reverse("confirm_devices"),
    "sign out everywhere": lambda clinic: reverse("sign_out_everywhere"),
    "export of sessions": lambda clinic: reverse("sessions_export"),
    "export of devices": lambda clinic: reverse("organization_devices_export", args=[clinic.slug]),
    "export of an organization's log": lambda clinic: reverse(
        "organization_audit_export", args=[clinic.slug]
    ),
    "ownership of an organization": lambda clinic: reverse("organization_handover", args=[clinic.slug]),
}


@pytest.fixture(params=ACTS)
def act(request, clinic) -> str:
    return ACTS[request.param](clinic)


def is_asked(answer) -> bool:
    return answer.status_code == 302 and "reauthenticate/" in answer.url


@pytest.fixture
def later(monkeypatch):
    """A quarter of an hour passes."""

    def pass_() -> None:
        now = time.time() + 15 * 60 + 1
        monkeypatch.setattr(time, "time", lambda: now)

    return pass_


def test_a_sign_in_of_just_now_will_do(act, admin, log_in):
    assert not is_asked(log_in(admin).get(act))


def test_an_older_one_is_asked_for_the_password(act, admin, log_in, later):
    browser = log_in(admin)
    later()
    answer = browser.get(act)
    assert is_asked(answer)
    assert answer.url.startswith(reverse("account_reauthenticate"))
    assert browser.post(answer.url, {"password": PASSWORD}).url == act
    assert not is_asked(browser.get(act))


def test_with_a_factor_the_password_of_just_now_will_not_do(act, admin, log_in, enrol):
    browser = log_in(admin)
    app = enrol(admin)
    if act == reverse("mfa_activate_totp"):
        # There is one already: it would be removed first.
        assert is_asked(browser.get(reverse("mfa_deactivate_totp")))
        return
    answer = browser.get(act)
    assert answer.url.startswith(reverse("mfa_reauthenticate"))
    browser.post(reverse("account_reauthenticate"), {"password": PASSWORD, "next": act})
    assert is_asked(browser.get(act))
    browser.post(answer.url, {"code": app.code()})
    assert not is_asked(browser.get(act))


def test_recovery_codes_are_shown_and_saved_to_those_who_prove_it(admin, log_in, enrol, sign_in):
    browser = log_in(admin, enrol(admin))
    for name in ("mfa_view_recovery_codes", "mfa_download_recovery_codes"):
        assert browser.get(reverse(name)).status_code == 200
        assert is_asked(sign_in(admin).get(reverse(name)))


def test_a_link_by_the_api_is_refused(admin, log_in, enrol):
    browser = log_in(admin)
    enrol(admin)
    answer = browser.post("/api/device-register", {}, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (403, "reauthentication_required")


def test_giving_and_taking_the_admins_role_asks(admin, colleague, clinic, sign_in):
    other = colleague.memberships.get()
    browser = sign_in(admin)
    address = reverse("member_role", args=[clinic.slug, other.pk])
    assert not is_asked(browser.get(address))
    assert is_asked(browser.post(address, {"role": "admin"}))
    other.role = "admin"
    other.save()
    assert is_asked(browser.post(address, {"role": "provider"}))
    assert is_asked(browser.post(reverse("member_removal", args=[clinic.slug, other.pk])))
    assert other.person.memberships.get().role == "admin"


def test_a_passkey_is_asked_for_first_and_codes_are_offered(admin, log_in, later):
    browser = log_in(admin)
    add_passkey(browser)
    later()
    answer = browser.get(reverse("account_email"))
    assert answer.url.startswith(reverse("mfa_reauthenticate_webauthn"))
    page = browser.get(answer.url).content.decode()
    assert "Use a code" in page
    assert "Use your password" not in page


def test_a_new_password_is_not_set_aside_while_asking(admin, log_in, later):
    browser = log_in(admin)
    later()
    secret = "a very new passphrase"
    fields = {"oldpassword": PASSWORD, "password1": secret, "password2": secret}
    for name in ("account_change_password", "account_set_password"):
        assert browser.post(reverse(name), fields).url == reverse(name)
    rows = [row.get_decoded() for row in Session.objects.all()]
    assert secret not in str(rows)
    assert PASSWORD not in str(rows)


class TestWhoComesBySingleSignOn:
    """Neither password nor factor: nothing to prove it with, until a factor is enrolled."""

    @pytest.fixture
    def browser(self, admin) -> Client:
        Person.objects.filter(pk=admin.pk).update(password="!")
        admin.refresh_from_db()
        browser = Client()
        browser.force_login(admin)
        self.note(browser, admin, time.time())
        return browser

    def note(self, browser, person, at):
        """As single sign-on leaves it."""
        session = browser.session
        session["account_authentication_methods"] = [{"method": "socialaccount", "at": at, "provider": "x"}]
        session["account_authentication_methods_user"] = str(person.pk)
        session.save()

    def test_enrols_before_anything_that_matters(self, act, browser):
        answer = browser.get(act)
        if act in (reverse("mfa_activate_totp"), reverse("mfa_add_webauthn")):
            assert answer.status_code == 200
            return
        if act == reverse("account_change_password"):
            assert answer.url.startswith((reverse("second_factor"), reverse("account_set_password")))
            return
        assert answer.url.startswith(reverse("second_factor"))
        assert "Set up a second factor" in browser.get(answer.url).content.decode()

    def test_and_is_led_back_after_it(self, browser):
        browser.get(browser.get(reverse("sign_out_everywhere")).url)
        add_passkey(browser)
        codes = browser.get(reverse("mfa_view_recovery_codes")).content.decode()
        onward = f"{reverse('step_up')}?next={reverse('sign_out_everywhere')}"
        assert onward in codes
        assert browser.get(onward).url == reverse("sign_out_everywhere")
        assert browser.get(reverse("sign_out_everywhere")).status_code == 200

    def test_an_old_sign_in_enrols_nothing(self, browser, admin):
        self.note(browser, admin, time.time() - 3600)
        for name in ("mfa_activate_totp", "mfa_add_webauthn", "account_set_password"):
            answer = browser.get(reverse(name))
            assert answer.url.startswith(reverse("sign_in_again")), name
        page = browser.get(answer.url)
        assert "Sign in again" in page.content.decode()
        assert not Authenticator.objects.exists()

    def test_signing_in_again_leads_back(self, browser, admin):
        self.note(browser, admin, time.time() - 3600)
        page = browser.get(browser.get(reverse("mfa_add_webauthn")).url)
        login = page.context["login"]
        browser.post(reverse("account_logout"), {"next": login})
        assert not is_signed_in(browser)
        assert login == f"{reverse('account_login')}?next=%2Faccounts%2F2fa%2Fwebauthn%2Fadd%2F"
