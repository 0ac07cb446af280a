"""A session about to expire is announced once, and expires by itself to the second."""

import datetime as dt

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Person
from medimic.audit.models import AuditEvent
from medimic.outbox import registry
from sessions_app import expiry
from sessions_app.models import Visit
from tests.devices.test_races import race
from tests.sessions_app.conftest import make_authorization
from tests.sessions_app.room import Door, call, join, roster, start

pytestmark = [pytest.mark.django_db, pytest.mark.both]


def expiring(visit, **left):
    Visit.objects.filter(pk=visit.pk).update(expires_at=timezone.now() + dt.timedelta(**left))
    visit.refresh_from_db()
    return visit


def announced():
    return AuditEvent.objects.filter(kind="sessions.expiring")


def test_ten_minutes_before_it_is_announced_once(phone):
    visit = expiring(start(phone).visit, minutes=9, seconds=59)
    version = visit.version
    for _ in range(3):
        expiry.announce()
    visit.refresh_from_db()
    event = announced().get()
    assert (event.object_id, event.person_id) == (str(visit.pk), visit.host_id)
    assert visit.expiry_announced_at is not None
    assert visit.version == version + 1


def test_before_that_it_is_not(phone):
    expiring(start(phone).visit, minutes=10, seconds=30)
    expiry.announce()
    assert not announced().exists()


@pytest.mark.parametrize("is_ended", [True, False])
def test_of_one_that_is_over_nothing_is_said(phone, is_ended):
    visit = start(phone).visit
    if is_ended:
        visit.end(timezone.now())
        expiring(visit, minutes=5)
    else:
        Visit.objects.filter(pk=visit.pk).update(started_at=timezone.now() - dt.timedelta(hours=9))
        expiring(visit, seconds=-1)
    expiry.announce()
    assert not announced().exists()


def test_the_worker_runs_it():
    assert registry.job("sessions.announce_expiry").run is expiry.announce


def test_a_waiting_page_learns_of_it(phone):
    door = Door(phone).open()
    tag = roster(door.visit.pk, door.token)["ETag"]
    condition = {"If-None-Match": tag}
    assert roster(door.visit.pk, door.token, **condition).status_code == 304
    expiring(door.visit, minutes=5)
    expiry.announce()
    answer = roster(door.visit.pk, door.token, **condition)
    assert answer.status_code == 200
    left = dt.datetime.fromisoformat(answer.json()["session"]["expires_at"]) - timezone.now()
    assert left < dt.timedelta(minutes=5)


def test_one_that_cannot_be_read_stops_none_behind_it(provider, colleague, caplog):
    first, second = (
        expiring(start(make_authorization(person)).visit, minutes=n)
        for n, person in enumerate((colleague, provider), start=1)
    )
    with connection.cursor() as cursor:
        key = Person._meta.pk.get_db_prep_value(colleague.pk, connection)
        cursor.execute("UPDATE accounts_person SET phone_number = 'no ciphertext' WHERE id = %s", [key])
    expiry.announce()
    assert announced().get().object_id == str(second.pk)
    assert f"session {first.pk} was passed over: " in caplog.text


def test_costs_one_query_where_nothing_is_due(phone, django_assert_num_queries):
    start(phone)
    with django_assert_num_queries(1):
        expiry.announce()


def test_finds_what_is_due_by_an_index_of_its_own(phone):
    plan = Visit.objects.active(timezone.now()).filter(
        expiry_announced_at=None, expires_at__lte=timezone.now() + expiry.AHEAD
    )
    if "sqlite" in plan.query.get_compiler("default").connection.vendor:
        assert "visit_expiring" in plan.order_by("expires_at").explain()


def test_expired_it_cannot_be_joined_and_its_tokens_are_over(phone):
    door = Door(phone).open()
    code, token = door.visit.code, door.token
    Visit.objects.filter(pk=door.visit.pk).update(started_at=timezone.now() - dt.timedelta(hours=9))
    expiring(door.visit, seconds=-1)
    assert join(code).json()["code"] == "code_unknown"
    # A token ends with its own time, which is the session's as it was when it was issued.
    assert call("post", f"/api/sessions/{door.visit.pk}/leave", token=token).json()["code"] == "session_over"


@pytest.mark.django_db(transaction=True)
def test_many_workers_at_once_announce_each_session_once(outsider):
    phone = make_authorization(outsider)
    visits = [str(expiring(start(phone).visit, minutes=5).pk) for _ in range(5)]
    race(lambda _: expiry.announce(), 8)
    # The log keeps what other tests committed.
    told = announced().filter(object_id__in=visits).values_list("object_id", flat=True)
    assert sorted(told) == sorted(visits)
    assert {visit.version for visit in Visit.objects.all()} == {1}


@pytest.mark.django_db(transaction=True)
def test_ended_and_announced_at_once_it_is_one_or_both_in_order(outsider):
    phone = make_authorization(outsider)
    visit = expiring(start(phone).visit, minutes=5)

    def end():
        with transaction.atomic():
            # The instant is that of the end, not of the wait for the lock before it.
            Visit.objects.select_for_update().get(pk=visit.pk).end(timezone.now())

    race(lambda index: expiry.announce() if index % 2 else end(), 8)
    visit.refresh_from_db()
    assert visit.ended_at is not None
    if visit.expiry_announced_at:
        assert visit.expiry_announced_at <= visit.ended_at
