"""The second factor: enrolment, sign-in with it, and what may switch it off."""

import re

import pytest
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from tests.accounts.conftest import Authenticator as App
from tests.accounts.conftest import is_signed_in, kinds, mails
from tests.cast import PASSWORD


def set_up(browser, clock) -> App:
    """As on the page: read the secret, give a code."""
    app = App(clock)
    page = browser.get(reverse("mfa_activate_totp"))
    app.secret = page.context["form"].secret
    assert app.secret in page.content.decode()
    response = browser.post(reverse("mfa_activate_totp"), {"code": app.code()})
    assert response.status_code == 302, response.content.decode()
    return app


@pytest.mark.django_db(transaction=True)
def test_setting_one_up_verifies_this_browser_and_is_told(provider, log_in, clock):
    browser = log_in(provider)
    set_up(browser, clock)
    assert browser.session["otp_device_id"]
    assert kinds(provider)[1:] == ["accounts.factor_added", "accounts.recovery_codes_made"]
    assert [mail["to"] for mail in mails("totp_activated")] == [provider.email]


@pytest.mark.django_db(transaction=True)
def test_the_next_sign_in_asks_for_a_code(provider, log_in, clock):
    app = set_up(log_in(provider), clock)
    browser = log_in(provider, app)
    assert is_signed_in(browser)
    assert "Signed in with authenticator app" in _activity(provider)


def test_the_password_alone_does_not_sign_in(provider, enrol, client):
    enrol(provider)
    response = client.post(reverse("account_login"), {"login": provider.email, "password": PASSWORD})
    assert response.url == reverse("mfa_authenticate")
    assert not is_signed_in(client)


def test_a_code_counts_once(provider, enrol, log_in, clock):
    app = enrol(provider)
    log_in(provider, app)
    same = app.code()
    clock.now -= 30
    answers = []
    for _ in range(2):
        browser = Client()
        browser.post(reverse("account_login"), {"login": provider.email, "password": PASSWORD})
        clock.now += 30
        browser.post(reverse("mfa_authenticate"), {"code": same})
        clock.now -= 30
        answers.append(is_signed_in(browser))
    assert answers == [True, False]


def test_used_codes_are_kept_where_all_workers_see_them():
    assert settings.CACHES["default"]["BACKEND"] == "django.core.cache.backends.db.DatabaseCache"
    assert settings.CACHES["default"]["OPTIONS"]["MAX_ENTRIES"] > 300
    cache.set("seen", 1)
    assert cache.get("seen") == 1


def test_a_recovery_code_counts_once(provider, enrol):
    enrol(provider)
    codes = Authenticator.objects.get(user=provider, type="recovery_codes").wrap().get_unused_codes()
    answers = []
    for _ in range(2):
        browser = Client()
        browser.post(reverse("account_login"), {"login": provider.email, "password": PASSWORD})
        browser.post(reverse("mfa_authenticate"), {"code": codes[0]})
        answers.append(is_signed_in(browser))
    assert answers == [True, False]


def test_wrong_codes_are_recorded_and_limited(provider, enrol):
    app = enrol(provider)
    browser = Client()
    browser.post(reverse("account_login"), {"login": provider.email, "password": PASSWORD})
    for _ in range(6):
        browser.post(reverse("mfa_authenticate"), {"code": "000000"})
    browser.post(reverse("mfa_authenticate"), {"code": app.code()})
    assert not is_signed_in(browser)
    assert kinds(provider).count("accounts.factor_failed") >= 5


def test_secrets_are_encrypted_at_rest(provider, enrol):
    app = enrol(provider)
    stored = {row.type: row.data for row in Authenticator.objects.filter(user=provider)}
    assert app.secret not in str(stored)
    assert stored["totp"]["secret"].startswith("gAAAA")
    assert stored["recovery_codes"]["seed"].startswith("gAAAA")


def test_the_password_alone_cannot_switch_it_off(provider, enrol, log_in, sign_in):
    enrol(provider)
    browser = sign_in(provider)
    response = browser.get(reverse("mfa_deactivate_totp"))
    assert response.url.startswith(reverse("mfa_reauthenticate"))
    # Nor by going straight to the page that asks for the password.
    response = browser.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    assert response.url.startswith(reverse("mfa_reauthenticate"))
    browser.post(reverse("mfa_deactivate_totp"))
    assert Authenticator.objects.filter(user=provider, type="totp").exists()


def test_with_a_code_it_can_be_switched_off(provider, enrol, sign_in):
    app = enrol(provider)
    browser = sign_in(provider)
    browser.post(reverse("mfa_reauthenticate"), {"code": app.code()})
    browser.post(reverse("mfa_deactivate_totp"))
    assert not Authenticator.objects.filter(user=provider).exists()
    assert kinds(provider)[-1] == "accounts.factor_removed"
    assert len(mails("totp_deactivated")) == 1


def test_a_removed_factor_verifies_nobody(provider, enrol, log_in):
    browser = log_in(provider, enrol(provider))
    assert "otp_device_id" in browser.session
    Authenticator.objects.filter(user=provider).delete()
    browser.get(reverse("security"))
    assert "otp_device_id" not in browser.session


def test_a_fresh_sign_in_counts_as_an_authentication(provider, log_in):
    assert log_in(provider).get(reverse("mfa_activate_totp")).status_code == 200


def test_for_a_quarter_of_an_hour(provider, log_in, monkeypatch):
    import time

    browser = log_in(provider)
    later = time.time() + 15 * 60 + 1
    monkeypatch.setattr(time, "time", lambda: later)
    response = browser.get(reverse("mfa_activate_totp"))
    assert response.url.startswith(reverse("account_reauthenticate"))


def test_a_failed_confirmation_is_recorded(provider, sign_in):
    sign_in(provider).post(reverse("account_reauthenticate"), {"password": "guess"})
    assert kinds(provider)[-1] == "accounts.confirmation_failed"


@pytest.mark.parametrize("name", ["mfa_activate_totp", "mfa_view_recovery_codes"])
def test_signed_out_people_are_asked_to_sign_in(client, db, name):
    assert re.match(reverse("account_login"), client.get(reverse(name)).url)


def _activity(person) -> list[str]:
    from medimic.audit.models import AuditEvent
    from medimic.audit.presenters import sentence

    return [sentence(event) for event in AuditEvent.objects.filter(person_id=person.pk)]
