"""Ways around a second factor that others fell for, each closed. More of each stands by its subject."""

import io
import json

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import SECRET_SESSION_KEY
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from medimic import crypto
from tests.accounts.conftest import Authenticator as App
from tests.accounts.conftest import is_signed_in
from tests.cast import PASSWORD

ADMIN = "/admin/"


def test_a_trusted_browser_skips_the_prompt_and_the_admin_still_asks(support, log_in, enrol):
    browser = log_in(support, enrol(support), remember="on")
    browser.post(reverse("account_logout"))
    browser.post(reverse("account_login"), {"login": support.email, "password": PASSWORD})
    assert is_signed_in(browser)
    asked = browser.get(ADMIN, follow=True).redirect_chain[-1][0]
    assert asked.startswith(reverse("mfa_reauthenticate"))


def test_the_admins_own_door_leads_to_the_factor_and_in(support, log_in, enrol, sign_in):
    app = enrol(support)
    browser = sign_in(support)
    asked = browser.get(ADMIN, follow=True).redirect_chain[-1][0]
    assert browser.post(asked, {"code": app.code()}).url == ADMIN
    assert browser.get(ADMIN).status_code == 200


def test_the_password_alone_switches_no_factor_off(provider, sign_in, enrol):
    enrol(provider)
    browser = sign_in(provider)
    browser.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    browser.post(reverse("mfa_deactivate_totp"))
    assert Authenticator.objects.filter(user=provider, type="totp").exists()


def test_with_a_factor_the_address_can_still_be_changed(provider, log_in, enrol):
    browser = log_in(provider, enrol(provider))
    answer = browser.post(reverse("account_email"), {"email": "new@people.example", "action_add": ""})
    assert answer.url == reverse("account_email_verification_sent")


def test_who_has_nothing_to_prove_it_with_does_nothing_that_matters(provider, sign_in):
    provider.set_unusable_password()
    provider.save()
    browser = sign_in(provider)
    assert browser.post(reverse("sign_out_everywhere")).url.startswith(reverse("second_factor"))
    assert is_signed_in(browser)


def test_sign_out_everywhere_ends_trust(provider, log_in, enrol):
    app = enrol(provider)
    browser = log_in(provider, app, remember="on")
    browser.post(reverse("sign_out_everywhere"))
    answer = browser.post(reverse("account_login"), {"login": provider.email, "password": PASSWORD})
    assert answer.url == reverse("mfa_authenticate")


def test_the_code_that_an_app_was_set_up_with_signs_nobody_in(provider, log_in, clock):
    browser, app = log_in(provider), App(clock)
    app.secret = browser.get(reverse("mfa_activate_totp")).context["form"].secret
    code = app.code()
    browser.post(reverse("mfa_activate_totp"), {"code": code})
    assert Authenticator.objects.filter(user=provider, type="totp").exists()
    thief = Client()
    thief.post(reverse("account_login"), {"login": provider.email, "password": PASSWORD})
    thief.post(reverse("mfa_authenticate"), {"code": code})
    assert not is_signed_in(thief)


def test_a_server_behind_a_socket_takes_sign_ins(provider, client):
    fields = {"login": provider.email, "password": PASSWORD}
    client.post(reverse("account_login"), fields, REMOTE_ADDR="")
    assert client.get(reverse("security"), REMOTE_ADDR="").status_code == 200


def test_forged_addresses_lift_no_limit(provider):
    def guess(number):
        fields = {"login": provider.email, "password": f"guess {number}"}
        forged = {"x-forwarded-for": f"203.0.113.{number}"}
        return Client().post(reverse("account_login"), fields, headers=forged).content.decode()

    assert any("Too many attempts" in guess(number) for number in range(8))


def test_the_secret_is_encrypted_while_it_is_set_up_and_afterwards(provider, log_in, clock):
    browser, app = log_in(provider), App(clock)
    app.secret = browser.get(reverse("mfa_activate_totp")).context["form"].secret
    held = browser.session[SECRET_SESSION_KEY]
    assert app.secret not in str([row.get_decoded() for row in Session.objects.all()])
    assert crypto.decrypt(held) == app.secret
    # A wrong code asks again for the same one.
    page = browser.post(reverse("mfa_activate_totp"), {"code": "000000"})
    assert page.context["form"].secret == app.secret
    browser.post(reverse("mfa_activate_totp"), {"code": app.code()})
    [row] = Authenticator.objects.filter(user=provider, type="totp")
    assert crypto.decrypt(row.data["secret"]) == app.secret


def test_a_new_password_ends_other_browsers_and_devices_and_not_this_one(provider, log_in):
    here, there = log_in(provider), log_in(provider)
    new = "another long passphrase"
    fields = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    here.post(reverse("account_change_password"), fields)
    provider.refresh_from_db()
    assert (is_signed_in(here), is_signed_in(there), provider.token_epoch) == (True, False, 1)


@pytest.mark.once
def test_the_bridges_model_is_in_no_dump(provider, enrol):
    enrol(provider)
    out = io.StringIO()
    call_command("dumpdata", "accounts", "mfa", stdout=out)
    assert "accounts.factor" not in {row["model"] for row in json.loads(out.getvalue())}
