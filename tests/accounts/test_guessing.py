"""Passwords and codes can be guessed a few times and no more, whatever address the caller claims to have."""

import itertools

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client
from django.urls import reverse

from tests.accounts.conftest import code_in, is_signed_in, mails
from tests.accounts.phones import PhoneSignIn
from tests.cast import PASSWORD

pytestmark = pytest.mark.django_db
SIGN_UP = {
    "first_name": "Nora",
    "last_name": "Newcomer",
    "email": "nora@people.example",
    "password1": "a long enough passphrase",
    "password2": "a long enough passphrase",
}
_numbers = itertools.count()


def somewhere() -> dict:
    """A claim to be somewhere else each time; for what no limit of one address may decide, it is true."""
    number = next(_numbers) % 250
    return {"headers": {"x-forwarded-for": f"203.0.113.{number}, 198.51.100.{number}"}}


def elsewhere() -> dict:
    return {"REMOTE_ADDR": f"192.0.2.{next(_numbers) % 250}"}


def wrong_password(person) -> str:
    return Client().post(
        reverse("account_login"), {"login": person.email, "password": "a guess"}, **elsewhere()
    ).content.decode()  # fmt: skip


def test_passwords_of_one_account_from_everywhere(provider):
    answers = [wrong_password(provider) for _ in range(8)]
    assert ["Too many attempts" in answer for answer in answers] == [False] * 5 + [True] * 3


def test_resets_of_many_accounts_from_one_address(db):
    answers = [
        Client()
        .post(reverse("account_reset_password"), {"email": f"n{number}@people.example"}, **somewhere())
        .status_code
        for number in range(22)
    ]
    assert answers == [302] * 20 + [429] * 2


def test_resets_of_one_account_from_everywhere(provider):
    answers = [
        Client().post(reverse("account_reset_password"), {"email": provider.email}, **elsewhere()).status_code
        for _ in range(7)
    ]
    assert answers == [302] * 5 + [429] * 2


def test_links_of_resets(provider):
    address = reverse("account_reset_password_from_key", kwargs={"uidb36": "1", "key": "set-password"})
    form = {"password1": "another long passphrase", "password2": "another long passphrase"}
    answers = [Client().post(address, form, **somewhere()).status_code for _ in range(22)]
    assert answers[20:] == [429] * 2


def test_sign_ups_from_one_address(db):
    answers = [
        Client()
        .post(reverse("account_signup"), {**SIGN_UP, "email": f"n{number}@people.example"}, **somewhere())
        .status_code
        for number in range(22)
    ]
    assert answers == [302] * 20 + [429] * 2


def test_codes_from_a_mail(client):
    """Three wrong ones end the sign-up, and the right one with it."""
    address = client.post(reverse("account_signup"), SIGN_UP).url
    for guess in ("AAAAA1", "BBBBB2", "CCCCC3"):
        client.post(address, {"code": guess}, **elsewhere())
    client.post(address, {"code": code_in(mails("email_confirmation_signup")[0])})
    assert not is_signed_in(client)


def code_page(provider) -> tuple[Client, str]:
    """Somebody who knows the password, in a new browser."""
    client = Client(**elsewhere())
    return client, client.post(reverse("account_login"), {"login": provider.email, "password": PASSWORD}).url


@pytest.mark.parametrize("kind", ["of the app", "for recovery"])
def test_codes_of_a_second_factor_in_ever_new_sign_ins(provider, enrol, kind):
    app = enrol(provider)
    for number in range(6):
        client, address = code_page(provider)
        client.post(address, {"code": "000000" if number % 2 else "0" * 10})
    codes = Authenticator.objects.get(user=provider, type="recovery_codes").wrap().get_unused_codes()
    client, address = code_page(provider)
    answer = client.post(address, {"code": app.code() if kind == "of the app" else codes[0]})
    assert answer.status_code == 200
    assert not is_signed_in(client)


def test_codes_on_a_phone_count_together_with_those_of_the_page(provider, enrol):
    app = enrol(provider)
    for _ in range(3):
        client, address = code_page(provider)
        client.post(address, {"code": "000000"})
    for _ in range(3):
        phone = PhoneSignIn(**elsewhere())
        phone.log_in(provider)
        phone.give_code("000000")
    phone = PhoneSignIn(**elsewhere())
    phone.log_in(provider)
    assert phone.give_code(app.code()).status_code == 400
    assert not phone.is_signed_in()


def test_the_password_that_is_asked_for_again(provider, log_in):
    client = log_in(provider)
    address = reverse("account_reauthenticate")
    answers = [client.post(address, {"password": "a guess"}, **elsewhere()).status_code for _ in range(11)]
    assert answers[-1] == 429
    assert client.post(address, {"password": PASSWORD}, **elsewhere()).status_code == 429
