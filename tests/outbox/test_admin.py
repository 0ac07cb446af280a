"""What staff see of deliveries."""

import uuid

import pytest
from django.contrib import admin
from django.contrib.sessions.backends.db import SessionStore
from django.test import RequestFactory

from medimic.outbox.models import Delivery
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.both]


@pytest.fixture
def staff(db):
    return cast.make_person("Sam", "Support", is_staff=True, is_superuser=True)


@pytest.fixture
def deliveries():
    return admin.site.get_model_admin(Delivery)


def request_of(person, **query):
    request = RequestFactory().get("/", query)
    request.user = person
    request.session = SessionStore()
    person.is_verified = lambda: True
    return request


def test_neither_recipient_nor_body_is_shown(put, deliveries, staff):
    delivery = put(recipient="PLANTED-RECIPIENT")
    pages = [
        deliveries.changelist_view(request_of(staff)),
        deliveries.change_view(request_of(staff), str(delivery.pk)),
    ]
    for page in pages:
        text = page.render().content.decode()
        assert "tests.greeting" in text
        assert "PL…" in text
        assert "PLANTED" not in text


def test_finds_by_whole_ids(put, deliveries, staff):
    person_id = uuid.uuid4()
    mine, other = put(person_id=person_id), put()

    def found(term: str) -> set:
        response = deliveries.changelist_view(request_of(staff, q=term))
        return {delivery.pk for delivery in response.context_data["cl"].result_list}

    assert found(str(person_id)) == {mine.pk}
    assert found(str(other.pk)) == {other.pk}
    assert found("PL") == set()
    assert found("") == {mine.pk, other.pk}


def test_nobody_adds_changes_or_removes(deliveries, staff):
    request = request_of(staff)
    assert not deliveries.has_add_permission(request)
    assert not deliveries.has_change_permission(request)
    assert not deliveries.has_delete_permission(request)
