"""Fixtures that all tests share. The cast: see `tests.cast`."""

import pytest
from django.test import Client

from accounts.models import Person
from orgs.models import Membership, Organization
from tests import cast


@pytest.fixture
def clinic(db) -> Organization:
    """An organization on Team."""
    return cast.make_organization("Lakeside Clinic")


@pytest.fixture
def provider(clinic) -> Person:
    """A provider of the clinic."""
    person = cast.make_person("Paula", "Provider", email="provider@people.example")
    cast.join(clinic, person)
    return person


@pytest.fixture
def colleague(clinic) -> Person:
    """Another provider of the same clinic."""
    person = cast.make_person("Colin", "Colleague", email="colleague@people.example")
    cast.join(clinic, person)
    return person


@pytest.fixture
def admin(clinic) -> Person:
    """The clinic's admin."""
    person = cast.make_person("Ada", "Admin", email="admin@people.example")
    cast.join(clinic, person, Membership.Role.ADMIN)
    return person


@pytest.fixture
def patient(clinic) -> Person:
    """A patient of the clinic, with a sign-in."""
    person = cast.make_person("Piotr", "Patient", email="patient@people.example")
    cast.join(clinic, person, Membership.Role.PATIENT)
    return person


@pytest.fixture
def outsider(db) -> Person:
    """A provider of their own, on Individual."""
    person = cast.make_person("Olga", "Outsider", email="outsider@people.example")
    cast.subscribe(person)
    return person


@pytest.fixture
def support(db) -> Person:
    """Support staff."""
    return cast.make_person("Sam", "Support", email="support@people.example", is_staff=True)


@pytest.fixture
def sign_in():
    """A client that is signed in as somebody: `sign_in(provider).get("/")`."""

    def as_(person: Person) -> Client:
        client = Client()
        client.force_login(person)
        return client

    return as_
