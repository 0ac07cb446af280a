import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.models import Person
from medimic.audit import log
from medimic.audit.models import AuditEvent
from medimic.outbox.models import Delivery
from tests.accounts.conftest import code_in, is_signed_in, kinds, mails

NEW = {
    "first_name": "Nora",
    "last_name": "Newcomer",
    "email": "Nora@People.example",
    "password1": "a long enough passphrase",
    "password2": "a long enough passphrase",
}


@pytest.fixture
def address():
    return reverse("account_signup")


def test_new_person_gets_a_code_through_the_outbox_and_is_in_with_it(client, address):
    response = client.post(address, NEW)
    assert response.url == reverse("account_email_verification_sent")
    assert not is_signed_in(client)
    [mail] = mails("email_confirmation_signup")
    assert mail["to"] == "nora@people.example"
    assert code_in(mail) in mail["html"]

    client.post(response.url, {"code": code_in(mail)})
    assert is_signed_in(client)
    person = Person.objects.get(email="nora@people.example")
    assert (person.first_name, person.last_name) == ("Nora", "Newcomer")
    assert kinds(person) == ["accounts.signed_up", "accounts.email_verified", "accounts.signed_in"]


def test_language_is_taken_from_the_browser(client, address):
    client.post(address, NEW, headers={"accept-language": "pl-PL,pl;q=0.9,en;q=0.5"})
    assert Person.objects.get(email="nora@people.example").language == "pl"


def test_unspoken_language_becomes_english(client, address):
    client.post(address, NEW, headers={"accept-language": "fr"})
    assert Person.objects.get(email="nora@people.example").language == "en"


def test_a_taken_address_gets_the_same_answer_and_a_mail_to_its_owner(client, address, provider):
    taken = client.post(address, {**NEW, "email": "PROVIDER@people.example"})
    fresh = Client().post(address, NEW)
    assert (taken.status_code, taken.url) == (fresh.status_code, fresh.url)
    assert Person.objects.filter(email=provider.email).count() == 1
    [mail] = mails("account_already_exists")
    assert mail["to"] == provider.email
    assert kinds(provider) == []


def test_wrong_code_signs_nobody_in(client, address):
    client.post(address, NEW)
    client.post(reverse("account_email_verification_sent"), {"code": "WRONG1"})
    assert not is_signed_in(client)


def test_names_are_required(client, address):
    response = client.post(address, {**NEW, "first_name": " "})
    assert response.status_code == 200
    assert "first_name" in response.context["form"].errors


def test_a_common_password_is_refused(client, address):
    client.post(address, {**NEW, "password1": "password1234", "password2": "password1234"})
    assert not Person.objects.exists()


def test_nothing_stays_when_the_log_cannot_be_written(client, address, monkeypatch):
    def broken(*args, **kwargs):
        raise OSError

    monkeypatch.setattr(log.models.Model, "save", broken)
    client.raise_request_exception = False
    assert client.post(address, NEW).status_code == 500
    assert not Person.objects.exists()
    assert not Delivery.objects.exists()
    assert not AuditEvent.objects.exists()


def test_only_get_and_post(client, address):
    assert client.put(address).status_code == 405


def test_sign_ups_from_one_address_are_limited(client, address):
    answers = [
        Client().post(address, {**NEW, "email": f"n{i}@people.example"}).status_code for i in range(21)
    ]
    assert answers[:20] == [302] * 20
    assert answers[20] == 429


@pytest.mark.django_db(transaction=True)
def test_one_address_signed_up_many_times_at_once_makes_one_person(address):
    start = threading.Barrier(5)

    def attempt(_number):
        try:
            start.wait()
            return Client().post(address, NEW).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(attempt, range(5)))
    assert set(answers) <= {302, 429}
    assert Person.objects.filter(email="nora@people.example").count() == 1
