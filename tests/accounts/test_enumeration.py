"""Whether an address has an account cannot be told: not by an answer, its queries, or how often it hashes.

How much CPU each takes, `python -m benchmarks.doors` measures: a test that did would fail by chance.
"""

import re
from collections import Counter
from dataclasses import dataclass, replace

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Person
from tests.accounts.phones import PhoneSignIn

pytestmark = pytest.mark.django_db
UNKNOWN = "nobody@elsewhere.example"
SIGN_UP = {
    "first_name": "Nora",
    "last_name": "Newcomer",
    "password1": "a long enough passphrase",
    "password2": "a long enough passphrase",
}


@dataclass
class Seen:
    """What somebody outside could notice."""

    status: int
    onward: str
    text: str
    queries: list[str]
    hashes: int


def shape(sql: str) -> str:
    """A query without its values, and without the types that PostgreSQL's driver names of some."""
    return re.sub(r"\?::\w+", "?", _valueless(sql))


def _valueless(sql: str) -> str:
    return re.sub(r"'(?:[^']|'')*'|\bNULL\b|\b[0-9a-f]{32}\b|\b\d+(?:\.\d+)?\b|\"s\d+_x\d+\"", "?", sql)


@pytest.fixture
def seen(monkeypatch):
    """`seen(UNKNOWN, call)`: the answer to `call(address)` and what it took; the address itself taken out."""
    runs = []
    encode = MD5PasswordHasher.encode

    def counted(self, *args, **kwargs):
        runs.append(1)
        return encode(self, *args, **kwargs)

    monkeypatch.setattr(MD5PasswordHasher, "encode", counted)

    def watch(address, call):
        # The limits of an address count what came from it before.
        cache.clear()
        before = len(runs)
        with CaptureQueriesContext(connection) as captured:
            response = call(address)
        text = response.content.decode().replace(address, "ADDRESS")
        text = re.sub(r'(csrfmiddlewaretoken" value=|nonce=|request_id": ?)"[^"]*"', r"\1?", text)
        return Seen(
            response.status_code,
            response.headers.get("Location", ""),
            text,
            [shape(query["sql"]) for query in captured.captured_queries],
            len(runs) - before,
        )

    return watch


def sign_in(address):
    return Client().post(reverse("account_login"), {"login": address, "password": "a guess"})


def sign_in_on_a_phone(address):
    return PhoneSignIn().log_in(Person(email=address), "a guess")


def reset(address):
    return Client().post(reverse("account_reset_password"), {"email": address})


def sign_up(address):
    return Client().post(reverse("account_signup"), {**SIGN_UP, "email": address})


@pytest.fixture
def addresses(provider, colleague, admin):
    """Of every sort that an account can be of."""
    Person.objects.filter(pk=colleague.pk).update(is_active=False)
    EmailAddress.objects.filter(user=admin).update(verified=False)
    return {"one of an account": provider.email, "closed": colleague.email, "unverified": admin.email}


@pytest.mark.parametrize("door", [sign_in, sign_in_on_a_phone])
def test_a_failed_sign_in_is_the_same_whoever_it_is_of(door, seen, addresses):
    nobody = seen(UNKNOWN, door)
    assert nobody.hashes == 1
    for sort, address in addresses.items():
        assert seen(address, door) == nobody, sort


def test_a_reset_is_asked_for_in_the_same_way_whoever_it_is_of(seen, addresses):
    nobody = seen(UNKNOWN, reset)
    assert (nobody.status, nobody.hashes) == (302, 0)
    for sort, address in addresses.items():
        asked = seen(address, reset)
        assert Counter(asked.queries) == Counter(nobody.queries), sort
        assert replace(asked, queries=[]) == replace(nobody, queries=[]), sort


def test_a_sign_up_is_answered_the_same_whether_the_address_is_taken(seen, addresses):
    """Its queries are others: an account is made, or a mail written to the owner."""
    fresh = seen("nora@elsewhere.example", sign_up)
    assert (fresh.status, fresh.hashes) == (302, 1)
    for sort, address in addresses.items():
        taken = seen(address, sign_up)
        assert (taken.status, taken.onward, taken.text, taken.hashes) == (302, fresh.onward, fresh.text, 1), (
            sort
        )
