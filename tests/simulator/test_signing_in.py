"""The simulated phone's sign-in with e-mail and password, and the proofs that it sends by default."""

import pytest
from allauth.account.models import EmailAddress
from django.contrib.sessions.models import Session
from django.core.cache import cache

from accounts.models import Person
from devices.models import DeviceAuthorization, TokenFamily
from medimic.simulator.errors import Failure
from medimic.simulator.phone import Phone
from tests.accounts.conftest import clock, enrol  # noqa: F401
from tests.cast import PASSWORD


@pytest.fixture(autouse=True)
def _fresh_limits(db):
    cache.clear()


def typing(*lines):
    """Somebody who types these, one after the other."""
    waiting = list(lines)
    return lambda what: waiting.pop(0)


def code_of(call, *arguments):
    with pytest.raises(Failure) as refusal:
        call(*arguments)
    return refusal.value.document["code"]


class TestSignIn:
    def test_with_a_password(self, phone, provider):
        answer = phone.sign_in(provider.email, typing(PASSWORD))
        assert answer["device"]["model"] == "iPhone 15 Pro"
        assert phone.whoami() == answer["device"]
        assert not Session.objects.exists()

    def test_with_a_second_factor(self, phone, provider, enrol):  # noqa: F811
        app = enrol(provider)
        phone.sign_in(provider.email, typing(PASSWORD, app.code()))
        assert phone.whoami()["device_status_id"] == "ACTIVE"

    def test_refusals_are_told_apart(self, phone, provider, enrol):  # noqa: F811
        assert code_of(phone.sign_in, provider.email, typing("wrong")) == "email_password_mismatch"
        app = enrol(provider)
        assert code_of(phone.sign_in, provider.email, typing(PASSWORD, "000000")) == "incorrect_code"
        EmailAddress.objects.update(verified=False)
        assert code_of(phone.sign_in, provider.email, typing(PASSWORD, app.code())) == "email_unverified"
        EmailAddress.objects.update(verified=True)
        Person.objects.update(is_active=False)
        assert code_of(phone.sign_in, provider.email, typing(PASSWORD)) == "sign_in_refused"
        for _ in range(6):
            assert code_of(phone.sign_in, "else@people.example", typing("wrong"))
        assert code_of(phone.sign_in, "else@people.example", typing("x")) == "too_many_login_attempts"

    def test_that_the_portal_refuses_leaves_nothing_behind(self, phone, provider, support):
        phone.sign_in(provider.email, typing(PASSWORD))
        row = DeviceAuthorization.objects.get()
        row.revoke(by=support, reason=row.RevokedReason.STAFF)
        assert code_of(phone.sign_in, provider.email, typing(PASSWORD)) == "device_blocked"
        assert not Session.objects.exists()

    def test_brings_a_revoked_phone_back(self, phone, provider):
        phone.sign_in(provider.email, typing(PASSWORD))
        row = DeviceAuthorization.objects.get()
        row.revoke(by=provider, reason=row.RevokedReason.SELF)
        assert code_of(phone.whoami) == "device_revoked"
        phone.sign_in(provider.email, typing(PASSWORD))
        assert phone.whoami()["device_status_id"] == "ACTIVE"

    def test_of_somebody_else_leaves_nothing_of_the_first(self, phone, provider, colleague):
        phone.sign_in(provider.email, typing(PASSWORD))
        phone.start_session("Visit", "shared_device")
        phone.sign_out()
        phone.sign_in(colleague.email, typing(PASSWORD))
        assert phone.keychain.sessions == {}
        assert DeviceAuthorization.objects.get(account=colleague).device.owner_person == provider


class TestProofs:
    def test_go_with_every_call(self, phone, portal, provider, link_for, crypto_keys):
        phone.open(link_for(provider), crypto_keys)
        phone.whoami()
        session = phone.start_session("Visit", "shared_device")["id"]
        phone.end(session)
        phone.refresh()
        phone.sign_out()
        proofs = [request.headers.get("DPoP") for request in portal.requests]
        assert all(proofs)
        assert len(set(proofs)) == len(proofs) == 6
        assert TokenFamily.objects.get().jkt

    def test_are_new_when_an_answer_was_lost(self, phone, portal, provider, link_for, crypto_keys):
        phone.open(link_for(provider), crypto_keys)
        for call in (phone.refresh, phone.whoami, lambda: phone.start_session("Visit", "shared_device")):
            portal.lost = 1
            call()
        portal.lost = 1
        phone.sign_out()

    def test_go_with_a_guest(self, phone, provider):
        phone.start_session("Visit", "shared_device")
        assert phone.keychain.token_type == "DPoP"
        assert phone.whoami()["model"] == "iPhone 15 Pro"

    def test_can_be_left_out(self, phone, portal, provider):
        bearer = Phone(phone.keychain, phone.connection, binds=False)
        bearer.sign_in(provider.email, typing(PASSWORD))
        bearer.whoami()
        bearer.refresh()
        bearer.start_session("Visit", "shared_device")
        assert not any("DPoP" in request.headers for request in portal.requests)
        # As it signed in, so it goes on.
        phone.whoami()
        phone.sign_out()

    def test_of_a_copied_state_without_the_key_are_worth_nothing(self, phone, make_phone, provider):
        phone.sign_in(provider.email, typing(PASSWORD))
        thief = make_phone("thief")
        thief.keychain.access_token = phone.keychain.access_token
        thief.keychain.refresh_token = phone.keychain.refresh_token
        for kind, code in (("DPoP", "dpop_other_key"), ("Bearer", "token_bound")):
            thief.keychain.token_type = kind
            assert code_of(thief.whoami) == code
        assert code_of(thief.refresh) == "dpop_missing"
        assert phone.whoami()["device_status_id"] == "ACTIVE"
        phone.refresh()
