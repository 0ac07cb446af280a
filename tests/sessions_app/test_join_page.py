"""Joining a session in a browser, signed in or as a guest."""

import datetime as dt

import pytest
from django.core.cache import cache
from django.test import Client

from devices.models import Device, DeviceAuthorization, Token
from medimic.audit.models import ActorKind, AuditEvent
from sessions_app import guessing
from sessions_app.models import Participant
from tests.devices.kit import sign_in_device
from tests.sessions_app.room import Side, roster, start

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nobody_guessed():
    cache.clear()


@pytest.fixture
def visit(phone):
    return start(phone).visit


def typed(visit, **fields):
    return {
        "code": visit.code,
        "name": "Jane",
        "role": "patient",
        "key_commitment": Side().commitment,
        **fields,
    }


def token(client, visit):
    return client.post(f"/sessions/{visit.pk}/token/")


class TestGuest:
    def test_needs_no_sign_in_and_becomes_a_device(self, visit):
        client = Client(headers={"User-Agent": "Mozilla/5.0 (X11; Linux) Gecko/20100101 Firefox/146.0"})
        response = client.post("/join/", typed(visit))
        assert (response.status_code, response.url) == (302, f"/sessions/{visit.pk}/")
        part = Participant.objects.get(is_host=False)
        assert (part.name, part.role, part.state, part.person) == ("Jane", "patient", "waiting", None)
        assert part.authorization.device.model == "Firefox 146"
        assert part.authorization.device.guest_owned
        assert AuditEvent.objects.get(kind="sessions.joined").actor_kind == ActorKind.ANONYMOUS

    def test_gets_its_token_by_its_page_alone(self, visit):
        client = Client()
        client.post("/join/", typed(visit))
        assert not Token.objects.filter(authorization__account=None).exists()
        answer = token(client, visit).json()
        assert (answer["state"], answer["is_host"], answer["account"]) == ("waiting", False, None)
        assert Token.objects.filter(authorization__account=None).count() == 1

    def test_is_known_again_for_another_session(self, visit, tablet):
        client = Client()
        other = start(tablet).visit
        for one in (visit, other):
            client.post("/join/", typed(one))
        assert DeviceAuthorization.objects.filter(account=None).count() == 1
        # And goes on with the first.
        assert token(client, visit).status_code == token(client, other).status_code == 200

    def test_is_known_by_no_cookie_of_the_device_s_alone(self, visit, settings):
        client, other = Client(), Client()
        client.post("/join/", typed(visit))
        other.cookies[settings.DEVICE_COOKIE_NAME] = client.cookies[settings.DEVICE_COOKIE_NAME].value
        assert token(other, visit).status_code == 404
        # Another person's turn at the same browser.
        other.post("/join/", typed(visit, name="John"))
        assert token(other, visit).status_code == 200
        assert Device.objects.filter(guest_owned=True).count() == 1

    def test_is_forgotten_with_the_session_s_time(self, visit):
        client = Client()
        client.post("/join/", typed(visit))
        left = client.session.get_expiry_date() - visit.expires_at
        assert abs(left) < dt.timedelta(seconds=5)

    def test_who_signs_in_there_finds_nothing_of_it(self, visit, colleague):
        client = Client()
        client.post("/join/", typed(visit))
        bearer = token(client, visit).json()["session_token"]
        client.force_login(colleague)
        assert token(client, visit).status_code == 404
        assert not Token.objects.filter(authorization__account=None, ended_at=None).exists()
        assert roster(visit.pk, bearer).json()["code"] == "token_ended"

    def test_is_offered_no_role_that_it_cannot_have(self, visit):
        client = Client()
        assert "provider" not in dict(client.get("/join/").context["form"].fields["role"].choices)
        response = client.post("/join/", typed(visit, role="provider"))
        assert response.context["form"].errors["role"]
        assert not Participant.objects.filter(is_host=False).exists()


class TestSignedIn:
    def test_joins_as_the_account(self, visit, colleague, sign_in):
        client = sign_in(colleague)
        form = client.get("/join/").context["form"]
        assert (form.initial["name"], form.initial["role"]) == (colleague.name, "provider")
        client.post("/join/", typed(visit, role="provider", name=colleague.name))
        part = Participant.objects.get(is_host=False)
        assert (part.person, part.role) == (colleague, "provider")
        answer = token(client, visit).json()
        assert answer["account"] == str(colleague.pk)

    def test_a_patient_joins_and_is_no_provider(self, visit, patient, sign_in):
        client = sign_in(patient)
        assert client.post("/join/", typed(visit, role="provider")).status_code == 200
        assert client.post("/join/", typed(visit)).status_code == 302

    def test_where_no_place_is_free_it_is_said_and_nothing_is_left_behind(self, visit, outsider, sign_in):
        for _ in range(3):
            sign_in_device(outsider)
        response = sign_in(outsider).post("/join/", typed(visit))
        assert response.status_code == 409
        assert response.context["problem"].code == "device_limit"
        assert response.context["form"]["name"].value() == "Jane"
        assert not Participant.objects.filter(is_host=False).exists()
        assert Device.objects.filter(owner_person=outsider).count() == 3

    def test_the_host_s_own_browser_is_led_to_the_session(self, provider, clinic, sign_in):
        client = sign_in(provider)
        client.post(
            "/sessions/new/",
            {"name": "Round", "mode": "two_device", "organization": "none", "key": "k" * 43},
        )
        visit = Participant.objects.get().visit
        response = client.post("/join/", typed(visit))
        assert (response.status_code, response.url) == (302, f"/sessions/{visit.pk}/")
        assert Participant.objects.count() == 1


class TestForm:
    def test_has_the_code_of_the_address(self, visit):
        page = Client().get(f"/join/{visit.code}/")
        assert page.context["form"]["code"].value() == visit.code

    def test_an_address_with_any_code_looks_alike(self, visit):
        """What is behind it is found out by joining, and that is counted."""
        known, unknown = (Client().get(f"/join/{code}/") for code in (visit.code, "XXXXXX"))
        assert known.status_code == unknown.status_code == 200
        assert not cache.get_many(guessing._slots(next(guessing._subjects(guessing.SYSTEM, None))))

    @pytest.mark.parametrize(
        ("fields", "wrong"),
        [
            ({"code": ""}, "code"),
            ({"code": "A" * 21}, "code"),
            ({"name": ""}, "name"),
            ({"name": "a\u202eb"}, "name"),
            ({"role": "admin"}, "role"),
            ({"key_commitment": ""}, "key_commitment"),
            ({"key_commitment": "short"}, "key_commitment"),
            ({"key_commitment": "B" * 43}, "key_commitment"),
            ({"key_commitment": "ü" * 43}, "key_commitment"),
        ],
    )
    def test_says_what_is_wrong_and_keeps_the_rest(self, visit, fields, wrong):
        response = Client().post("/join/", typed(visit, **fields))
        assert response.status_code == 200
        assert list(response.context["form"].errors) == [wrong]
        if wrong != "name":
            assert response.context["form"]["name"].value() == "Jane"
        assert not Device.objects.filter(guest_owned=True).exists()

    def test_an_unknown_code_is_said_at_the_code(self, visit):
        response = Client().post("/join/", typed(visit, code="XXXXXX"))
        assert response.status_code == 404
        assert list(response.context["form"].errors) == ["code"]

    def test_codes_are_guessed_no_more_often_than_over_the_api(self, visit):
        for _ in range(guessing.MOST):
            Client().post("/join/", typed(visit, code="XXXXXX"))
        response = Client().post("/join/", typed(visit))
        assert response.status_code == 429
        assert int(response["Retry-After"]) > 0
        assert "Wait a few minutes" in response.content.decode()

    def test_needs_the_page_s_token(self, visit):
        assert Client(enforce_csrf_checks=True).post("/join/", typed(visit)).status_code == 403

    def test_takes_no_other_method(self):
        assert Client().put("/join/").status_code == 405

    def test_takes_no_field_that_it_does_not_show(self, visit):
        extra = {"state": "admitted", "is_host": "on", "person": "1", "visit": "1", "reserved_up_to": "5"}
        Client().post("/join/", typed(visit) | extra)
        part = Participant.objects.get(is_host=False)
        assert (part.state, part.reserved_up_to) == ("waiting", 0)


def test_a_guest_of_two_sessions_is_known_for_as_long_as_the_longer_one(visit, phone):
    client, shorter = Client(), start(phone).visit
    type(shorter).objects.filter(pk=shorter.pk).update(
        expires_at=dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    )
    for one in (visit, shorter):
        assert client.post("/join/", typed(one)).status_code == 302
    assert client.session.get_expiry_date() >= visit.expires_at


def test_who_signs_in_after_being_a_guest_stays_signed_in_as_anybody(visit, outsider):
    client = Client()
    client.post("/join/", typed(visit))
    client.force_login(outsider)
    assert client.session.get("_session_expiry") is None


def test_sent_twice_it_is_one(visit):
    client, form = Client(), typed(visit)
    client.get("/join/")
    answers = [client.post("/join/", form) for _ in range(2)]
    assert answers[0].url == answers[1].url
    assert Participant.objects.filter(is_host=False).count() == 1


def test_a_browser_whose_use_support_ended_joins_as_nobody_s_guest(visit):
    client = Client()
    client.post("/join/", typed(visit))
    DeviceAuthorization.objects.get(account=None).revoke(by=None, reason="staff")
    assert token(client, visit).status_code == 404
    response = client.post("/join/", typed(visit))
    assert (response.status_code, response.context["problem"].code) == (403, "device_blocked")


def test_another_device_of_the_host_s_account_joins_too(provider, visit, sign_in):
    response = sign_in(provider).post("/join/", typed(visit))
    assert response.status_code == 302
    assert Participant.objects.filter(person=provider).count() == 2
