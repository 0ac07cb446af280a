"""allauth's headless calls: those that signing in on a phone needs, and what they are no good for."""

import json

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.conf import settings as portal
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts import phone_sign_ins
from accounts.models import Person
from medimic.problems import Problem
from tests.accounts.authenticators import add_passkey
from tests.accounts.conftest import code_in, is_signed_in, kinds, mails
from tests.accounts.phones import PhoneSignIn, pending_flow, signed_in
from tests.cast import PASSWORD
from tests.routes import routes

pytestmark = pytest.mark.django_db


@pytest.fixture
def phone() -> PhoneSignIn:
    return PhoneSignIn()


def test_only_what_signing_in_needs_is_routed():
    ends = {route for route in routes() if route.startswith("api/sign-in/") or "_allauth" in route}
    assert ends == {
        "api/sign-in/login",
        "api/sign-in/2fa/authenticate",
        "api/sign-in/email/verify",
        "api/sign-in/session",
    }


@pytest.mark.parametrize(
    "address",
    [
        "/_allauth/app/v1/auth/login",
        "/_allauth/browser/v1/auth/login",
        "/api/sign-in/",
        "/api/sign-in/signup",
        "/api/sign-in/config",
        "/api/sign-in/reauthenticate",
        "/api/sign-in/password/change",
        "/api/sign-in/2fa/trust",
        "/api/sign-in/account/authenticators",
    ],
)
def test_all_else_of_headless_is_missing(phone, address):
    assert phone.client.post(address, {}, content_type="application/json").status_code == 404


def test_answers_name_nothing_that_has_no_call(phone, provider, enrol):
    def named(response):
        return {flow["id"] for flow in response.json()["data"]["flows"]}

    assert named(phone.call("get", "session")) == {"login"}
    enrol(provider)
    assert named(phone.log_in(provider)) == {"login", "mfa_authenticate"}


class TestPassword:
    def test_signs_in_and_is_recorded(self, phone, provider):
        answer = phone.log_in(provider).json()
        assert answer["status"] == 200
        assert answer["meta"]["is_authenticated"]
        assert answer["data"]["user"]["email"] == provider.email
        assert phone.is_signed_in()
        assert kinds(provider) == ["accounts.signed_in"]

    def test_wrong_is_answered_like_an_unknown_address(self, phone, provider):
        wrong = phone.log_in(provider, "wrong")
        unknown = PhoneSignIn().log_in(Person(email="nobody@people.example"), "wrong")
        assert wrong.status_code == unknown.status_code == 400
        assert wrong.json() == unknown.json()
        assert wrong.json()["errors"][0]["code"] == "email_password_mismatch"
        assert not phone.token
        assert kinds(provider) == ["accounts.sign_in_failed"]

    def test_of_a_closed_account_signs_nobody_in(self, phone, provider):
        Person.objects.filter(pk=provider.pk).update(is_active=False)
        response = phone.log_in(provider)
        assert (response.status_code, pending_flow(response), phone.token) == (401, None, "")
        assert not phone.is_signed_in()

    def test_of_an_unverified_address_waits_for_the_mailed_code(self, phone, provider):
        EmailAddress.objects.update(verified=False)
        response = phone.log_in(provider)
        assert (response.status_code, pending_flow(response)) == (401, "verify_email")
        assert not phone.is_signed_in()
        [mail] = mails("email_confirmation_signup")
        assert phone.call("post", "email/verify", {"key": code_in(mail)}).status_code == 200
        assert phone.is_signed_in()


class TestSecondFactor:
    def test_is_asked_for(self, phone, provider, enrol):
        app = enrol(provider)
        response = phone.log_in(provider)
        assert (response.status_code, pending_flow(response)) == (401, "mfa_authenticate")
        assert not phone.is_signed_in()
        wrong = phone.give_code("000000")
        assert (wrong.status_code, wrong.json()["errors"][0]["code"]) == (400, "incorrect_code")
        assert not phone.is_signed_in()
        assert phone.give_code(app.code()).status_code == 200
        assert phone.is_signed_in()
        assert kinds(provider)[-2:] == ["accounts.factor_failed", "accounts.signed_in"]

    def test_is_asked_for_in_a_trusted_browser_too(self, provider, enrol, log_in):
        trusted = log_in(provider, enrol(provider), remember="on")
        phone = PhoneSignIn()
        phone.client = trusted
        assert pending_flow(phone.log_in(provider)) == "mfa_authenticate"

    def test_needs_its_password_first(self, phone, provider, enrol):
        response = phone.give_code(enrol(provider).code())
        assert response.status_code == 401
        assert not phone.is_signed_in()


class TestPasskeyAlone:
    """An app cannot ask for a passkey: whoever has nothing else is told what does."""

    @pytest.fixture
    def phone(self, phone, provider, log_in):
        add_passkey(log_in(provider))
        phone.log_in(provider)
        return phone

    def test_is_told_of_links_and_recovery_codes(self, phone):
        assert not phone.is_signed_in()
        with pytest.raises(Problem) as refused:
            phone_sign_ins.find(phone.token)
        assert refused.value.code == "second_factor_needed"
        assert "recovery codes" in str(refused.value.detail)
        assert "Authenticate Device" in str(refused.value.detail)

    def test_gets_in_by_a_recovery_code(self, phone, provider):
        rows = Authenticator.objects.filter(user=provider, type="recovery_codes")
        assert phone.give_code(rows.get().wrap().get_unused_codes()[0]).status_code == 200
        assert phone.is_signed_in()


class TestNoBrowser:
    """What a phone holds opens no page, and what a browser holds signs no phone in."""

    def test_sets_no_cookie(self, phone, provider, enrol):
        app = enrol(provider)
        answers = [phone.log_in(provider), phone.give_code(app.code()), phone.call("get", "session")]
        assert [answer.cookies.output() for answer in answers] == ["", "", ""]
        assert not phone.client.cookies

    def test_its_token_is_no_cookie(self, provider):
        token = signed_in(provider)
        client = Client()
        client.cookies[portal.SESSION_COOKIE_NAME] = token
        assert not is_signed_in(client)

    def test_its_token_does_not_hold_the_key(self, provider):
        token = signed_in(provider)
        key = Session.objects.get().session_key
        assert key not in token
        assert phone_sign_ins.find(token).key == key
        assert phone_sign_ins.find(key) is None

    def test_a_browsers_cookie_is_no_token(self, provider, log_in):
        browser = log_in(provider)
        phone = PhoneSignIn()
        phone.token = browser.cookies[portal.SESSION_COOKIE_NAME].value
        assert phone.call("get", "session").status_code == 410
        assert is_signed_in(browser)

    def test_stands_not_among_the_signed_in_browsers(self, provider, log_in):
        browser = log_in(provider)
        signed_in(provider)
        assert UserSession.objects.count() == 1
        assert browser.get(reverse("security")).content.decode().count("sign-out/") <= 2

    def test_in_a_signed_in_browser_neither_meets_the_other(self, provider, colleague, log_in):
        phone = PhoneSignIn()
        phone.client = log_in(colleague)
        before = phone.client.cookies[portal.SESSION_COOKIE_NAME].value
        assert phone.log_in(provider).json()["data"]["user"]["email"] == provider.email
        assert phone.call("get", "session").json()["data"]["user"]["email"] == provider.email
        assert phone.call("delete", "session").status_code == 401
        assert phone.client.cookies[portal.SESSION_COOKIE_NAME].value == before
        assert colleague.email in phone.client.get(reverse("account_email")).content.decode()

    def test_without_a_token_a_signed_in_browser_is_nobody(self, provider, log_in):
        phone = PhoneSignIn()
        phone.client = log_in(provider)
        response = phone.call("get", "session")
        assert (response.status_code, response.json()["meta"]["is_authenticated"]) == (401, False)


class TestEnd:
    def test_by_signing_out(self, phone, provider):
        phone.log_in(provider)
        assert phone.call("delete", "session").status_code == 401
        assert phone.call("get", "session").status_code == 410
        assert kinds(provider) == ["accounts.signed_in", "accounts.signed_out"]
        assert not Session.objects.exists()

    def test_after_ten_minutes(self, phone, provider):
        phone.log_in(provider)
        session = Session.objects.get()
        left = (session.expire_date - timezone.now()).total_seconds()
        assert 590 < left <= 600
        Session.objects.update(expire_date=timezone.now())
        assert phone.call("get", "session").status_code == 410

    @pytest.mark.parametrize("end", ["password", "everywhere"])
    def test_by_what_ends_all_sign_ins(self, phone, provider, end):
        phone.log_in(provider)
        person = Person.objects.get(pk=provider.pk)
        if end == "everywhere":
            person.end_sign_ins()
        else:
            person.set_password("another horse battery staple")
            person.save()
        assert not phone.is_signed_in()
        assert phone_sign_ins.find(phone.token) is None


class TestLimits:
    """They are those of the page, and count together with it."""

    def test_of_one_account_from_any_address(self, provider):
        page = reverse("account_login")
        for number in range(3):
            Client().post(
                page, {"login": provider.email, "password": "guess"}, REMOTE_ADDR=f"203.0.113.{number}"
            )
        for number in range(3, 6):
            PhoneSignIn(REMOTE_ADDR=f"203.0.113.{number}").log_in(provider, "guess")
        phone = PhoneSignIn(REMOTE_ADDR="203.0.113.99")
        response = phone.log_in(provider)
        assert (response.status_code, response.json()["errors"][0]["code"]) == (
            400,
            "too_many_login_attempts",
        )
        assert not phone.token

    def test_of_one_address_for_any_account(self, provider):
        statuses = [
            PhoneSignIn(headers={"x-forwarded-for": f"203.0.113.{number}"})
            .log_in(Person(email=f"{number}@people.example"), "guess")
            .json()
            for number in range(12)
        ]
        assert statuses[-1]["errors"][0]["code"] == "too_many_login_attempts"

    def test_of_sign_ins_answer_429_in_allauths_shape(self, provider):
        answers = [PhoneSignIn().log_in(provider) for _ in range(31)]
        assert answers[-1].json() == {"status": 429}

    def test_of_codes(self, phone, provider, enrol):
        app = enrol(provider)
        phone.log_in(provider)
        for _ in range(6):
            phone.give_code("000000")
        phone.give_code(app.code())
        assert not phone.is_signed_in()


class TestMalformed:
    @pytest.mark.parametrize(
        ("body", "content_type", "status", "code"),
        [
            ("{", "application/json", 400, "malformed_json"),
            (b"\xff", "application/json", 400, "malformed_json"),
            ("[" * 50_000, "application/json", 400, "malformed_json"),
            ("[]", "application/json", 422, "invalid_content"),
            ('{"email": 5}', "application/json", 422, "invalid_content"),
            ('{"email": "a@b.example", "password": {"a": 1}}', "application/json", 422, "invalid_content"),
            ('{"email": "a@b.example", "password": "\\ud800"}', "application/json", 422, "invalid_content"),
            ("email=a&password=b", "application/x-www-form-urlencoded", 415, "unsupported_type"),
        ],
    )
    def test_bodies(self, phone, body, content_type, status, code):
        response = phone.client.post("/api/sign-in/login", body, content_type=content_type)
        assert (response.status_code, response.json()["code"]) == (status, code)

    @pytest.mark.parametrize("token", ["", "x", "x" * 4000, "gAAAAA" + "A" * 100, "ü"])
    def test_tokens(self, phone, token):
        phone.token = token
        assert phone.call("get", "session").status_code in (401, 410)

    def test_methods(self, phone):
        response = phone.call("put", "login", {})
        assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")
        assert phone.call("get", "email/verify").status_code == 405

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        body=st.dictionaries(
            st.sampled_from(["email", "password", "code", "key"]) | st.text(max_size=5),
            st.text(st.characters(categories=["L", "N", "P", "C", "Z"]), max_size=40),
            max_size=4,
        ),
        end=st.sampled_from(["login", "2fa/authenticate", "email/verify"]),
    )
    def test_no_body_ends_in_a_fault(self, phone, body, end):
        response = phone.client.post(f"/api/sign-in/{end}", json.dumps(body), content_type="application/json")
        assert 400 <= response.status_code < 500


def test_a_page_with_a_foreign_form_gets_nothing(provider):
    """There is no CSRF token, and nothing to forge: no cookie counts."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(provider)
    body = json.dumps({"email": provider.email, "password": PASSWORD})
    assert client.post("/api/sign-in/login", body, content_type="text/plain").status_code == 415
