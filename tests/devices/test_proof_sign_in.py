"""`device-login` with a sign-in made on the device: what a link does, in front of the same act."""

import datetime as dt

import pytest
from allauth.account.models import EmailAddress
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from accounts.models import Person
from devices import actions
from devices.models import DeviceAuthorization, Registration, Token
from medimic.audit.log import SYSTEM
from medimic.outbox.models import Delivery
from tests.accounts.conftest import clock, enrol  # noqa: F401
from tests.accounts.phones import PhoneSignIn, signed_in
from tests.devices.kit import call, events, facts, public_key, refused, sign_in_device
from tests.devices.proofs import ProofKey

pytestmark = pytest.mark.django_db
Reason = DeviceAuthorization.RevokedReason
PHONE = {"device_id": "0b7e7c1e-5b0e-4c1c-9d3a-2f4a5b6c7d8e"}


@pytest.fixture(autouse=True)
def _fresh_limits(db):
    cache.clear()


def log_in(proof, **changes):
    return call("post", "device-login", {"sign_in_proof": proof, "device": facts(**changes)})


class TestSignIn:
    def test_adds_a_phone_without_a_link(self, provider):
        answer = log_in(signed_in(provider), **PHONE).json()
        row = DeviceAuthorization.objects.get()
        assert (row.account, row.device.owner_person) == (provider, provider)
        assert answer["device"]["id"] == str(row.pk)
        assert call("get", "device", token=answer["access_token"]).json() == answer["device"]
        assert events("devices.signed_in")[0].person_id == provider.pk
        assert Delivery.objects.filter(kind="devices.new_device").exists()

    def test_ends_with_its_use(self, provider):
        token = signed_in(provider)
        assert log_in(token).status_code == 200
        assert not Session.objects.exists()
        assert Client().get("/api/sign-in/session", headers={"X-Session-Token": token}).status_code == 410

    def test_is_good_for_one_device(self, provider):
        token = signed_in(provider)
        assert log_in(token).status_code == 200
        assert refused(log_in(token), 410, "sign_in_used")
        assert DeviceAuthorization.objects.count() == 1

    def test_may_ask_again_where_the_answer_was_lost(self, provider):
        token, phone = signed_in(provider), facts(public_key=public_key())
        lost, answer = log_in(token, **phone).json(), log_in(token, **phone).json()
        assert refused(call("get", "device", token=lost["access_token"]), 401, "token_ended")
        assert call("get", "device", token=answer["access_token"]).status_code == 200
        assert refused(log_in(token, **phone), 410, "sign_in_used")
        assert DeviceAuthorization.objects.count() == 1

    def test_may_not_ask_again_later_or_with_another_key(self, provider):
        token, phone = signed_in(provider), facts()
        assert log_in(token, **phone).status_code == 200
        assert refused(log_in(token, **phone, public_key=public_key()), 410, "sign_in_used")
        Registration.objects.update(used_at=timezone.now() - dt.timedelta(seconds=61))
        assert refused(log_in(token, **phone), 410, "sign_in_used")

    def test_binds_to_a_key(self, provider):
        key, token, phone = ProofKey(), signed_in(provider), facts()
        body = {"sign_in_proof": token, "device": phone}
        lost = key.call("post", "device-login", body).json()
        assert refused(log_in(token, **phone), 410, "sign_in_used")
        assert refused(ProofKey().call("post", "device-login", body), 410, "sign_in_used")
        answer = key.call("post", "device-login", body).json()
        assert answer["token_type"] == "DPoP"
        assert refused(key.call("get", "device", token=lost["access_token"]), 401, "token_ended")
        assert key.call("get", "device", token=answer["access_token"]).status_code == 200

    def test_with_a_second_factor(self, provider, enrol):  # noqa: F811
        assert log_in(signed_in(provider, enrol(provider))).status_code == 200

    def test_keeps_neither_the_proof_nor_its_key(self, provider):
        token = signed_in(provider)
        key = Session.objects.get().session_key
        log_in(token)
        stored = str([*Registration.objects.values(), *Token.objects.values()])
        assert token not in stored
        assert key not in stored


class TestUnfinished:
    def test_waits_for_the_second_factor(self, provider, enrol):  # noqa: F811
        app, phone = enrol(provider), PhoneSignIn()
        phone.log_in(provider)
        assert refused(log_in(phone.token), 403, "second_factor_needed")
        phone.give_code(app.code())
        assert log_in(phone.token).status_code == 200

    def test_waits_for_the_address(self, provider):
        EmailAddress.objects.update(verified=False)
        phone = PhoneSignIn()
        phone.log_in(provider)
        assert refused(log_in(phone.token), 403, "email_unverified")

    def test_is_nothing_without_the_right_password(self, provider):
        phone = PhoneSignIn()
        assert phone.log_in(provider, "wrong").status_code == 400
        assert phone.token == ""


class TestRefusals:
    @pytest.mark.parametrize("proof", ["x", "x" * 43, "gAAAAA" + "A" * 100])
    def test_unknown(self, db, proof):
        assert refused(log_in(proof), 401, "sign_in_unknown")
        assert not events("devices.sign_in_refused")

    def test_expired(self, provider):
        token = signed_in(provider)
        Session.objects.update(expire_date=timezone.now())
        assert refused(log_in(token), 401, "sign_in_unknown")

    def test_signed_out(self, provider):
        phone = PhoneSignIn()
        phone.log_in(provider)
        phone.call("delete", "session")
        assert refused(log_in(phone.token), 401, "sign_in_unknown")

    def test_after_signing_out_everywhere(self, provider):
        token = signed_in(provider)
        Person.objects.get(pk=provider.pk).end_sign_ins()
        assert refused(log_in(token), 401, "sign_in_unknown")

    def test_of_an_account_closed_since(self, provider):
        token = signed_in(provider)
        Person.objects.update(is_active=False)
        assert refused(log_in(token), 403, "account_inactive")

    def test_of_a_password_changed_in_the_same_instant(self, provider, monkeypatch):
        token = signed_in(provider)
        locked = actions.activate

        def changed_meanwhile(*args):
            person = Person.objects.get(pk=provider.pk)
            person.set_password("another horse battery staple")
            person.save()
            return locked(*args)

        monkeypatch.setattr(actions, "activate", changed_meanwhile)
        assert refused(log_in(token), 401, "sign_in_unknown")
        assert not DeviceAuthorization.objects.exists()

    def test_of_a_browsers_cookie(self, provider, client):
        client.force_login(provider)
        assert refused(log_in(client.cookies["sign-in"].value), 401, "sign_in_unknown")

    def test_of_a_links_token_as_a_sign_in_and_the_other_way_round(self, provider):
        token = signed_in(provider)
        body = {"token": token, "device": facts()}
        assert refused(call("post", "device-login", body), 404, "registration_unknown")
        assert log_in(token).status_code == 200
        assert refused(call("post", "device-login", body), 404, "registration_unknown")

    @pytest.mark.parametrize("body", [{}, {"token": "x" * 43, "sign_in_proof": "y" * 43}, {"token": None}])
    def test_of_neither_or_both(self, db, body):
        response = call("post", "device-login", {**body, "device": facts()})
        assert refused(response, 422, "invalid_content")


class TestRules:
    """The account's limits and blocks hold as they do for a link."""

    def test_at_the_limit_it_is_refused_and_stays_good(self, trial):
        row = sign_in_device(trial).authorization
        token = signed_in(trial)
        assert refused(log_in(token), 409, "device_limit")
        refusal = events("devices.sign_in_refused")[0]
        assert refusal.person_id == trial.pk
        assert '"code":"device_limit"' in refusal.details
        actions.revoke(authorization=row, by=trial, origin=SYSTEM)
        assert log_in(token).status_code == 200

    def test_a_device_that_oneself_revoked_comes_back(self, provider):
        old = sign_in_device(provider, **PHONE).authorization
        actions.revoke(authorization=old, by=provider, origin=SYSTEM)
        assert log_in(signed_in(provider), **PHONE).status_code == 200
        [new] = DeviceAuthorization.objects.visible_to(provider).listed()
        old.refresh_from_db()
        assert (new.device, old.successor) == (old.device, new)

    @pytest.mark.parametrize("reason", [Reason.ORGANIZATION, Reason.STAFF])
    def test_one_that_an_organization_or_staff_revoked_stays_out(self, provider, support, reason):
        row = sign_in_device(provider, **PHONE).authorization
        actions.revoke(authorization=row, by=support, origin=SYSTEM, reason=reason)
        token = signed_in(provider)
        assert refused(log_in(token, **PHONE), 403, "device_blocked")
        assert Session.objects.exists()

    def test_a_signed_out_device_comes_back_without_a_second_place(self, trial):
        row = sign_in_device(trial, **PHONE)
        call("post", "revoke", {"token": row.tokens.refresh_token})
        assert log_in(signed_in(trial), **PHONE).status_code == 200
        assert DeviceAuthorization.objects.living().count() == 1

    def test_two_accounts_share_a_device_which_stays_the_firsts(self, provider, colleague):
        first = log_in(signed_in(provider), **PHONE).json()
        second = log_in(signed_in(colleague), **PHONE).json()
        rows = DeviceAuthorization.objects.living()
        assert {row.account for row in rows} == {provider, colleague}
        assert {row.device.owner_person for row in rows} == {provider}
        for answer in (first, second):
            assert call("get", "device", token=answer["access_token"]).status_code == 200


@pytest.fixture
def trial(db) -> Person:
    """Somebody on Free Trial: one device."""
    from tests.cast import make_person

    return make_person("Tina", "Trial", email="trial@people.example")
