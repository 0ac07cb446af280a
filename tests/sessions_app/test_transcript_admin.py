"""Staff see that there are segments and envelopes, and nothing of what they hold."""

import pytest
from django.contrib import admin
from django.contrib.sessions.backends.db import SessionStore
from django.test import RequestFactory
from django.urls import reverse

from accounts.models import Person
from sessions_app.models import Envelope, Segment
from tests.sessions_app import seats

pytestmark = [pytest.mark.django_db, pytest.mark.once]


@pytest.fixture
def seat(provider):
    seat = seats.with_key(seats.host(provider))
    seat.send(*(seat.segment(number) for number in range(1, 6)))
    return seat


@pytest.fixture
def request_of_staff():
    request = RequestFactory().get("/")
    request.user = Person.objects.create_superuser("root@people.example", "a long password for root")
    request.session = SessionStore()
    request.user.is_verified = lambda: True
    return request


def pages(model, request):
    """The list, and the page of one row, without the admin's door in front."""
    options = admin.site.get_model_admin(model)
    row = model.objects.first()
    for answer in (options.changelist_view(request), options.change_view(request, str(row.pk))):
        yield answer.render().content.decode()


@pytest.mark.parametrize("model", [Segment, Envelope])
def test_no_ciphertext_no_wrapped_key_and_no_name_is_shown(seat, request_of_staff, model):
    sent = seat.read().json()["segments"]
    hidden = [seat.visit.name, Envelope.objects.get().wrapped, seat.key["x"]]
    hidden += [one[name] for one in sent for name in ("nonce", "ciphertext")]
    hidden += [bytes(row.ciphertext).hex() for row in Segment.objects.all()]
    for page in pages(model, request_of_staff):
        assert str(seat.visit.pk) in page
        assert not [text for text in hidden if text in page]


@pytest.mark.parametrize("model", [Segment, Envelope])
def test_is_to_look_at(seat, request_of_staff, model):
    options = admin.site.get_model_admin(model)
    row = model.objects.first()
    assert not options.has_change_permission(request_of_staff, row)
    assert not options.has_delete_permission(request_of_staff, row)
    assert not options.has_add_permission(request_of_staff)


@pytest.mark.parametrize("model", [Segment, Envelope])
def test_finds_by_the_sessions_id(seat, outsider, request_of_staff, model):
    other = seats.with_key(seats.host(outsider))
    other.send(other.segment(1))
    options = admin.site.get_model_admin(model)
    for term, number in ((str(other.visit.pk), 1), ("Visit", 0), ("", model.objects.count())):
        found, _ = options.get_search_results(request_of_staff, model.objects.all(), term)
        assert found.count() == number


@pytest.mark.parametrize("model", [Segment, Envelope])
def test_nobody_comes_in_by_another_door(seat, sign_in, provider, support, model):
    path = reverse(f"admin:sessions_app_{model._meta.model_name}_changelist")
    for person in (provider, support):
        assert sign_in(person).get(path).status_code == 302
