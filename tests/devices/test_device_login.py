import datetime as dt

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devices import actions
from devices.models import Device, DeviceAuthorization, KeyPair, Registration, Token
from medimic.audit.log import SYSTEM
from medimic.outbox.models import Delivery
from tests.devices.kit import (
    call,
    events,
    facts,
    link_for,
    log_in,
    public_key,
    push,
    refused,
    sign_in_device,
    token_in,
)

pytestmark = pytest.mark.django_db
Reason = DeviceAuthorization.RevokedReason
PHONE = {"device_id": "0b7e7c1e-5b0e-4c1c-9d3a-2f4a5b6c7d8e"}


@pytest.fixture
def token(provider) -> str:
    return token_in(link_for(provider, name="Work phone").link)


def test_signs_the_device_in(token, provider):
    answer = log_in(token, **PHONE).json()
    row = DeviceAuthorization.objects.get()
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 900)
    assert answer["device"]["id"] == str(row.pk)
    assert answer["device"]["device_status_id"] == "ACTIVE"
    assert answer["device"]["os"] == "iOS 17.4"
    assert answer["device"]["name"] == "Work phone"
    assert row.device.owner_person == provider
    assert call("get", "device", token=answer["access_token"]).json() == answer["device"]
    assert events("devices.signed_in")[0].person_id == provider.pk


def test_keeps_no_identifier_and_no_token_in_plain_text(token):
    answer = log_in(token, **PHONE).json()
    stored = str([*Device.objects.values(), *Token.objects.values(), *Registration.objects.values()])
    for secret in (PHONE["device_id"], token, answer["access_token"], answer["refresh_token"]):
        assert secret not in stored


def test_tells_the_person_of_a_new_device_and_not_of_a_known_one(provider):
    sign_in_device(provider, **PHONE)
    sign_in_device(provider, **PHONE)
    assert [mail.kind for mail in Delivery.objects.filter(kind="devices.new_device")] == [
        "devices.new_device"
    ]


class TestRefusals:
    def test_unknown(self, db):
        assert refused(log_in("x" * 43), 404, "registration_unknown")
        assert not events("devices.sign_in_refused")

    def test_truncated(self, token):
        assert refused(log_in(token[:-1]), 404, "registration_unknown")

    def test_expired(self, token):
        Registration.objects.update(expires_at=timezone.now())
        assert refused(log_in(token), 410, "registration_expired")

    def test_used_by_another_device(self, token):
        assert log_in(token, **PHONE).status_code == 200
        assert refused(log_in(token), 410, "registration_used")
        assert '"code":"registration_used"' in events("devices.sign_in_refused")[0].details

    def test_cancelled(self, provider):
        issued = link_for(provider)
        actions.revoke(authorization=issued.authorization, by=provider, origin=SYSTEM)
        assert refused(log_in(token_in(issued.link)), 410, "registration_cancelled")

    def test_of_a_closed_account(self, token, provider):
        type(provider).objects.filter(pk=provider.pk).update(is_active=False)
        assert refused(log_in(token), 403, "account_inactive")
        assert Registration.objects.good().exists()

    @pytest.mark.parametrize("reason", [Reason.ORGANIZATION, Reason.STAFF])
    def test_of_a_device_that_an_organization_or_staff_revoked(self, provider, support, reason):
        row = sign_in_device(provider, **PHONE).authorization
        actions.revoke(authorization=row, by=support, origin=SYSTEM, reason=reason)
        assert refused(log_in(token_in(link_for(provider).link), **PHONE), 403, "device_blocked")

    def test_malformed_json(self, db, client):
        response = client.post("/api/device-login", b"{", content_type="application/json")
        assert refused(response, 400, "malformed_json")

    def test_a_huge_body(self, db):
        assert call("post", "device-login", {"token": "x" * 400_000}).status_code == 413

    @pytest.mark.parametrize(
        "changes",
        [
            {"device_id": "short"},
            {"device_id": 12345678901234567890123},
            {"model": ""},
            {"model": None},
            {"platform": "symbian"},
            {"device_type_id": "PHONE"},
            {"os_version": 17.4},
            {"push": {"service": "apns"}},
            {"push": {"service": "carrier-pigeon", "token": "x"}},
            {"public_key": {"kty": "EC", "crv": "P-256", "x": "A" * 43, "y": "A" * 43}},
            {"public_key": public_key() | {"d": "A" * 43}},
            {"public_key": public_key() | {"crv": "P-384"}},
            {"owner_person": "me"},
        ],
    )
    def test_wrong_facts(self, token, changes):
        assert refused(log_in(token, **changes), 422, "invalid_content")
        assert Registration.objects.good().exists()


class TestLostAnswer:
    def test_the_same_device_gets_fresh_tokens_and_the_first_die(self, token):
        first, second = log_in(token, **PHONE).json(), log_in(token, **PHONE).json()
        assert refused(call("get", "device", token=first["access_token"]), 401, "token_ended")
        assert call("get", "device", token=second["access_token"]).status_code == 200
        assert DeviceAuthorization.objects.count() == 1

    def test_once(self, token):
        log_in(token, **PHONE)
        log_in(token, **PHONE)
        assert refused(log_in(token, **PHONE), 410, "registration_used")

    def test_not_after_the_first_tokens_were_used(self, token):
        first = log_in(token, **PHONE).json()
        call("get", "device", token=first["access_token"])
        assert refused(log_in(token, **PHONE), 410, "registration_used")
        assert call("get", "device", token=first["access_token"]).status_code == 200

    def test_not_with_another_key(self, token):
        key = public_key()
        log_in(token, **PHONE, public_key=key)
        assert refused(log_in(token, **PHONE, public_key=public_key()), 410, "registration_used")
        assert refused(log_in(token, **PHONE), 410, "registration_used")
        assert log_in(token, **PHONE, public_key=key).status_code == 200

    def test_not_after_a_while(self, token):
        log_in(token, **PHONE)
        Registration.objects.update(used_at=timezone.now() - dt.timedelta(seconds=61))
        assert refused(log_in(token, **PHONE), 410, "registration_used")

    def test_not_after_a_revocation(self, token, provider):
        log_in(token, **PHONE)
        row = DeviceAuthorization.objects.get()
        actions.revoke(authorization=row, by=provider, origin=SYSTEM)
        assert refused(log_in(token, **PHONE), 410, "registration_used")


class TestReinstall:
    def test_finds_the_same_row_and_the_older_authorization_gives_way(self, provider):
        old = sign_in_device(provider, **PHONE)
        new = sign_in_device(provider, **PHONE, os_version="18.0")
        assert Device.objects.get().os_version == "18.0"
        old.authorization.refresh_from_db()
        assert old.authorization.successor == new.authorization
        assert old.authorization.revoked_reason == Reason.SUCCEEDED
        assert refused(call("get", "device", token=old.tokens.access_token), 401, "device_revoked")

    def test_brings_a_device_back_that_oneself_revoked(self, provider):
        old = sign_in_device(provider, **PHONE).authorization
        actions.revoke(authorization=old, by=provider, origin=SYSTEM)
        new = sign_in_device(provider, **PHONE).authorization
        listed = DeviceAuthorization.objects.visible_to(provider).listed()
        assert list(listed) == [new]

    def test_needs_no_second_place(self, outsider):
        for _ in range(5):
            sign_in_device(outsider, **PHONE)
        assert DeviceAuthorization.objects.living().count() == 1


class TestPush:
    def test_a_push_token_belongs_to_whoever_signed_in_last(self, provider, colleague):
        route = push("the-same")
        a = sign_in_device(provider, **PHONE, push=route).authorization
        b = sign_in_device(colleague, **PHONE, push=route).authorization
        a.refresh_from_db()
        assert (a.push_token, b.push_token) == ("", "the-same")

    def test_a_revocation_ends_it(self, provider):
        row = sign_in_device(provider, push=push()).authorization
        actions.revoke(authorization=row, by=provider, origin=SYSTEM)
        assert (row.push_service, row.push_token, row.push_hash) == ("", "", "")


def test_keeps_the_public_key(provider):
    key = public_key()
    row = sign_in_device(provider, public_key=key).authorization
    assert KeyPair.objects.get(authorization=row).public_key == key


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=5,
)
members = st.sampled_from([*facts(), "push", "public_key", "extra"])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=json_values
    | st.fixed_dictionaries(
        {"token": json_values | st.just("x" * 43)},
        optional={"device": st.dictionaries(members, json_values).map(lambda some: facts() | some)},
    )
)
def test_no_body_ends_in_a_fault(db, body):
    response = call("post", "device-login", body)
    assert 400 <= response.status_code < 500
    assert response.json()["code"]
