import datetime as dt

import pytest
from django.test import Client
from django.utils import timezone

from billing.catalogue import ENTERPRISE
from devices import deep_link
from devices.models import DeviceAuthorization, Registration
from tests import cast
from tests.devices.kit import (
    CRYPTO_KEY,
    call,
    events,
    just_now,
    link_for,
    log_in,
    refused,
    sign_in_device,
    token_in,
)

pytestmark = pytest.mark.django_db


def register(client, **body):
    return call("post", "device-register", body, client=client)


@pytest.fixture
def client(provider, sign_in) -> Client:
    return just_now(sign_in(provider))


def test_reserves_a_place_and_answers_with_a_link(client, provider):
    response = register(client, name="Work phone", phone_number="+44 20 7946 0000")
    answer = response.json()
    assert response.status_code == 201
    row = DeviceAuthorization.objects.get()
    assert answer["device"] | {"id": "", "created_at": ""} == {
        "id": "", "name": "Work phone", "model": None, "device_type_id": None,
        "phone_number": "+44 20 7946 0000", "os": None, "app_version": None, "created_at": "",
        "last_seen_at": None, "device_status_id": "INACTIVE",
    }  # fmt: skip
    assert answer["device"]["id"] == str(row.pk)
    assert row.account == provider
    assert dt.datetime.fromisoformat(answer["expires_at"]) - timezone.now() > dt.timedelta(hours=23)
    assert events("devices.link_issued")[0].person_id == provider.pk


def test_the_link_says_where_to_call_and_no_more(client, settings):
    settings.API_TENANT_ID, settings.API_INSTANCE_ID, settings.API_KEY = "tenant", "one", "key"
    content = deep_link.open_link(register(client).json()["link"], [CRYPTO_KEY])
    assert content.pop("token")
    assert content == {"tenant_id": "tenant", "instance_id": "one", "api_key": "key"}


@pytest.mark.parametrize(
    ("url", "locales", "is_there"),
    [
        ("https://cdn.example", ["en_GB", "pl_PL"], True),
        ("https://cdn.example", [], False),
        ("", ["en_GB"], False),
    ],
)
def test_consent_is_in_the_link_only_if_both_parts_are_configured(client, settings, url, locales, is_there):
    settings.SHARED_DOCUMENTS_CDN_URL, settings.SHARED_DOCUMENTS_CONSENT_LOCALES = url, locales
    content = deep_link.open_link(register(client).json()["link"], [CRYPTO_KEY])
    assert ("consent_url" in content, "consent_locales" in content) == (is_there, is_there)
    if is_there:
        assert (content["consent_url"], content["consent_locales"]) == (url, locales)


def test_the_token_is_kept_as_a_hash_alone(client):
    token = token_in(register(client).json()["link"])
    assert token not in str(Registration.objects.values().get())


def test_anonymous_is_refused(provider):
    assert refused(register(Client()), 401, "not_signed_in")


def test_a_device_token_is_not_enough(provider):
    token = sign_in_device(provider).tokens.access_token
    assert refused(call("post", "device-register", {}, token=token), 401, "not_signed_in")


def test_needs_the_page_s_token(provider):
    client = Client(enforce_csrf_checks=True)
    client.force_login(provider)
    assert refused(register(just_now(client)), 403, "csrf_failed")


def test_an_old_sign_in_is_not_enough(provider, sign_in):
    assert refused(register(sign_in(provider)), 403, "reauthentication_required")


def test_one_may_name_oneself_and_no_colleague(client, provider, colleague, outsider):
    assert register(client, user_id=str(provider.pk)).status_code == 201
    for other in (colleague, outsider):
        assert refused(register(client, user_id=str(other.pk)), 404, "person_unknown")
    foreign = register(client, user_id=str(outsider.pk)).json()
    missing = register(client, user_id="0d1f5b9e-0000-4000-8000-000000000000").json()
    assert foreign.pop("request_id") != missing.pop("request_id")
    assert foreign == missing


@pytest.mark.parametrize(
    "body", [{"user_id": 7}, {"name": "x" * 101}, {"is_staff": True}, {"name": "a\0b"}, []]
)
def test_malformed_bodies_are_refused(client, body):
    assert refused(call("post", "device-register", body, client=client), 422, "invalid_content")


class TestLimit:
    def test_names_limit_plan_and_what_to_revoke_longest_unused_first(self, sign_in):
        trial = cast.make_person()
        held = sign_in_device(trial).authorization
        document = register(just_now(sign_in(trial)))
        assert refused(document, 409, "device_limit")
        found = document.json()
        assert (found["limit"], found["plan"]) == (1, "free_trial")
        assert found["revoke_at"].endswith("/settings/devices/")
        assert [row["id"] for row in found["devices"]] == [str(held.pk)]
        assert "Free Trial" in found["detail"]

    def test_a_link_still_good_reserves_a_place_and_an_expired_one_does_not(self, sign_in):
        trial = cast.make_person()
        client = just_now(sign_in(trial))
        assert register(client).status_code == 201
        assert refused(register(client), 409, "device_limit")
        Registration.objects.update(expires_at=timezone.now() - dt.timedelta(seconds=1))
        assert register(client).status_code == 201

    def test_a_device_of_somebody_else_does_not_count(self, provider, sign_in):
        trial = cast.make_person()
        shared = {"device_id": "shared-tablet-of-the-practice"}
        sign_in_device(provider, **shared)
        sign_in_device(trial, **shared)
        assert register(just_now(sign_in(trial))).status_code == 201

    def test_a_revoked_device_frees_its_place(self, sign_in):
        trial = cast.make_person()
        client = just_now(sign_in(trial))
        row = sign_in_device(trial).authorization
        client.post(f"/settings/devices/{row.pk}/revocation/")
        assert register(client).status_code == 201

    def test_enterprise_has_none(self, sign_in):
        person = cast.make_person()
        cast.join(cast.make_organization("Hospital", ENTERPRISE), person)
        client = just_now(sign_in(person))
        assert {register(client).status_code for _ in range(8)} == {201}

    def test_is_checked_again_at_the_login(self, outsider):
        links = [link_for(outsider) for _ in range(3)]
        outsider.subscriptions.update(ended_at=timezone.now())
        response = log_in(token_in(links[0].link))
        assert refused(response, 409, "device_limit")
        assert events("devices.sign_in_refused")[0].person_id == outsider.pk
        # The refusal did not spend the link.
        assert Registration.objects.good().count() == 3
