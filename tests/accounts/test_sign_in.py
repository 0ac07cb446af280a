import json

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from medimic.audit.models import AuditEvent
from tests.accounts.conftest import is_signed_in, kinds
from tests.cast import PASSWORD


@pytest.fixture
def address():
    return reverse("account_login")


def attempt(client, address, person, **fields):
    return client.post(address, {"login": person.email, "password": PASSWORD, **fields})


def test_password_signs_in_and_is_recorded(client, address, provider):
    response = attempt(client, address, provider)
    assert response.url == settings.LOGIN_REDIRECT_URL or response.url == "/"
    assert is_signed_in(client)
    assert kinds(provider) == ["accounts.signed_in"]


def test_address_is_taken_in_any_case(client, address, provider):
    client.post(address, {"login": " Provider@PEOPLE.example ", "password": PASSWORD})
    assert is_signed_in(client)


def test_the_page_asks_whether_to_trust_this_browser(client, address):
    page = client.get(address).content.decode()
    assert "Trust this browser" in page
    assert "for 30 days" in page


def test_a_trusted_browser_stays_signed_in(client, address, provider):
    attempt(client, address, provider, remember="on")
    assert client.cookies["sign-in"]["max-age"] == settings.SESSION_COOKIE_AGE


def test_any_other_browser_forgets_when_it_closes(client, address, provider):
    attempt(client, address, provider)
    assert client.cookies["sign-in"]["max-age"] == ""


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(client, address, provider):
    attempt(client, address, provider)
    cookie = client.cookies["sign-in"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["path"] == "/"
    assert not cookie["domain"]


def test_the_key_that_was_there_before_opens_nothing(client, address, provider):
    client.get(address)
    client.session["planted"] = True
    planted = client.session
    planted["planted"] = True
    planted.save()
    client.cookies["sign-in"] = planted.session_key
    attempt(client, address, provider)
    assert client.cookies["sign-in"].value != planted.session_key
    thief = Client()
    thief.cookies["sign-in"] = planted.session_key
    assert not is_signed_in(thief)


@pytest.mark.parametrize(
    "onward",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "javascript:alert(1)",
        "https:evil.example",
        "http://localhost:8000@evil.example/",
    ],
)
def test_nobody_is_sent_to_another_site(client, address, provider, onward):
    response = attempt(client, address, provider, next=onward)
    assert response.url == "/"


def test_goes_on_to_where_one_was_going(client, address, provider):
    assert attempt(client, address, provider, next="/settings/security/").url == "/settings/security/"


def test_wrong_password_is_recorded_for_its_owner(client, address, provider):
    response = client.post(address, {"login": provider.email, "password": "wrong"})
    assert response.status_code == 200
    assert not is_signed_in(client)
    assert kinds(provider) == ["accounts.sign_in_failed"]


def test_unknown_address_is_recorded_without_being_written_down(client, address):
    client.post(address, {"login": "ghost@people.example", "password": "my-password"})
    [row] = AuditEvent.objects.all()
    assert (row.kind, row.person_id, json.loads(row.details)) == ("accounts.sign_in_failed", None, {})


def test_wrong_password_and_unknown_address_look_alike(client, address, provider):
    def answer(login):
        response = Client().post(address, {"login": login, "password": "wrong"})
        return response.content.decode().replace(login, "").split("csrfmiddlewaretoken", 1)[0]

    assert answer(provider.email) == answer("providex@people.example")


def test_guessing_one_account_is_limited_whatever_address_it_claims(address, provider):
    def guess(number):
        return Client().post(
            address,
            {"login": provider.email, "password": f"guess {number}"},
            headers={"x-forwarded-for": f"203.0.113.{number}"},
        )

    for number in range(5):
        guess(number)
    assert "Too many attempts" in guess(6).content.decode()
    # Even with the right password, from anywhere.
    client = Client()
    client.post(
        address,
        {"login": provider.email, "password": PASSWORD},
        headers={"x-forwarded-for": "203.0.113.99"},
        REMOTE_ADDR="203.0.113.99",
    )
    assert not is_signed_in(client)


def test_forged_addresses_do_not_lift_the_limit_of_one_address(address, provider, colleague):
    statuses = [
        Client()
        .post(
            address,
            {"login": f"someone{number}@people.example", "password": "guess"},
            headers={"x-forwarded-for": f"203.0.113.{number}"},
        )
        .content.decode()
        for number in range(12)
    ]
    assert any("Too many attempts" in text for text in statuses)


def test_a_server_on_a_unix_socket_knows_no_address_and_works(client, address, provider):
    client.post(address, {"login": provider.email, "password": PASSWORD}, REMOTE_ADDR="")
    assert client.get(reverse("security"), REMOTE_ADDR="").status_code == 200


def test_an_inactive_person_stays_out(client, address, provider):
    provider.is_active = False
    provider.save()
    attempt(client, address, provider)
    assert not is_signed_in(client)


def test_a_patient_without_an_address_cannot_sign_in(client, address, db):
    from tests.cast import make_person

    make_person("Paper", "Patient", email=None)
    response = client.post(address, {"login": "", "password": PASSWORD})
    assert response.status_code == 200
    assert not is_signed_in(client)


def test_pages_with_personal_data_are_not_stored(client, address, provider):
    attempt(client, address, provider)
    for name in ("security", "profile", "account_email", "account_change_password"):
        assert "no-store" in client.get(reverse(name))["Cache-Control"], name
