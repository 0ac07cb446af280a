"""Fixtures that all tests share. The cast: see `tests.cast`."""

import pytest
from django.db import connection
from django.test import Client

from accounts.models import Person
from billing import triggers
from billing.models import Invoice, InvoiceLine
from orgs.models import Organization
from tests import cast


def pytest_collection_modifyitems(items):
    for item in items:
        # Locks and commits are what the databases do in ways of their own.
        marker = item.get_closest_marker("django_db")
        if marker and marker.kwargs.get("transaction"):
            item.add_marker(pytest.mark.both)


@pytest.fixture
def clinic(db) -> Organization:
    """An organization on Team."""
    return cast.make_organization("Lakeside Clinic")


@pytest.fixture
def provider(clinic) -> Person:
    """A provider of the clinic."""
    return cast.provider_of(clinic)


@pytest.fixture
def colleague(clinic) -> Person:
    """Another provider of the same clinic."""
    return cast.colleague_of(clinic)


@pytest.fixture
def admin(clinic) -> Person:
    """The clinic's admin."""
    return cast.admin_of(clinic)


@pytest.fixture
def patient(clinic) -> Person:
    """A patient of the clinic, with a sign-in."""
    return cast.patient_of(clinic)


@pytest.fixture
def outsider(db) -> Person:
    """A provider of their own, on Individual."""
    return cast.outsider()


@pytest.fixture
def support(db) -> Person:
    """Support staff."""
    return cast.support()


@pytest.fixture
def sign_in():
    """A client that is signed in as somebody: `sign_in(provider).get("/")`."""

    def as_(person: Person) -> Client:
        client = Client()
        client.force_login(person)
        return client

    return as_


@pytest.fixture(autouse=True)
def invoices_go_with_their_test(request):
    """A test that commits is cleared up by emptying the tables, which issued invoices refuse."""
    yield
    marker = request.node.get_closest_marker("django_db")
    commits = (marker and marker.kwargs.get("transaction")) or (
        {"transactional_db", "live_server"} & set(request.fixturenames)
    )
    if commits and Invoice.objects.exists():
        remove_invoices()


def remove_invoices() -> None:
    """As the owner of a database can: without its triggers for a moment."""
    tables = (InvoiceLine._meta.db_table, Invoice._meta.db_table)
    with connection.cursor() as cursor, connection.constraint_checks_disabled():
        if connection.vendor == "postgresql":
            for table in tables:
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {table}_delete")
                cursor.execute(f"DELETE FROM {table}")
                cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_delete")
            return
        made = {sql.split()[2]: sql for sql in triggers.sqlite()}
        for table in tables:
            cursor.execute(f"DROP TRIGGER {table}_delete")
            cursor.execute(f"DELETE FROM {table}")
            cursor.execute(made[f"{table}_delete"])
