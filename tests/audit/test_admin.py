"""The log in the admin."""

import uuid

import pytest
from django.contrib import admin
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from medimic.audit.log import SYSTEM, record
from medimic.audit.models import AuditEvent
from medimic.readonly_admin import COUNTED, BoundedPaginator
from tests import cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def auditor(db):
    return cast.make_person("Aude", "Auditor", is_staff=True, is_superuser=True)


@pytest.fixture
def events():
    return admin.site.get_model_admin(AuditEvent)


def request_of(person, path="/", **query):
    request = RequestFactory().get(path, query)
    request.user = person
    request.session = SessionStore()
    # What the site asks of staff beside their standing: a second factor, verified.
    person.is_verified = lambda: True
    return request


def found(events, auditor, term: str) -> set:
    response = events.changelist_view(request_of(auditor, q=term))
    return set(response.context_data["cl"].result_list)


def test_finds_by_whole_ids_and_by_kind(events, auditor):
    person, organization = uuid.uuid4(), uuid.uuid4()
    mine = record("tests.one", origin=SYSTEM, person_id=person)
    theirs = record("tests.two", origin=SYSTEM, organization_id=organization)
    assert found(events, auditor, str(person)) == {mine}
    assert found(events, auditor, f" {organization} ") == {theirs}
    assert found(events, auditor, str(theirs.pk)) == {theirs}
    assert found(events, auditor, "tests.one") == {mine}
    assert found(events, auditor, "tests") == set()
    assert found(events, auditor, str(uuid.uuid4())) == set()
    assert {mine, theirs} <= found(events, auditor, "")


def test_says_whether_a_row_is_genuine(events, auditor):
    event = record("tests.one", origin=SYSTEM, details={"name": "Anna"})
    response = events.change_view(request_of(auditor), str(event.pk))
    assert "Anna" in response.render().content.decode()
    assert events.genuine(event)
    event.details = "{}"
    assert not events.genuine(event)


def test_nobody_adds_changes_or_removes(events, auditor):
    request = request_of(auditor)
    assert not events.has_add_permission(request)
    assert not events.has_change_permission(request)
    assert not events.has_delete_permission(request)
    assert events.has_view_permission(request)
    assert events.get_actions(request) == {}


def test_a_list_of_many_rows_is_counted_no_further_than_people_page(events, auditor):
    for _ in range(3):
        record("tests.one", origin=SYSTEM)
    with CaptureQueriesContext(connection) as queries:
        events.changelist_view(request_of(auditor)).render()
    counting = [query["sql"] for query in queries if "COUNT(" in query["sql"]]
    assert counting
    assert all(f"LIMIT {COUNTED}" in sql for sql in counting)
    assert BoundedPaginator(AuditEvent.objects.order_by("id"), 50).count >= 3
