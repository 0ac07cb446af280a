"""A service that is away is tried once in a while, and what is for it waits without attempts."""

import datetime as dt
import threading

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from medimic.outbox import breaker
from medimic.outbox.backlog import oldest_due
from medimic.outbox.breaker import FIRST_PAUSE, LONGEST_PAUSE, THRESHOLD
from medimic.outbox.erasing import give_up
from medimic.outbox.lanes import Lane
from medimic.outbox.models import Delivery, Service
from medimic.outbox.registry import Refused, Retry, Unreachable, Unwanted
from medimic.outbox.taking import LEASE, take_batch
from medimic.outbox.worker import Stop, deliver_next

pytestmark = pytest.mark.django_db
State = Service.State


@pytest.fixture
def lane(channel) -> Lane:
    return Lane("tests", Stop())


@pytest.fixture
def break_it(channel, put):
    """Have the service "tests" found to be away."""

    def break_(error=None) -> Service:
        for _ in range(THRESHOLD):
            put(kind="tests.lost")
        channel.error = error or Unreachable("no answer")
        Lane("tests", Stop()).deliver()
        channel.error = None
        return Service.objects.get()

    return break_


def let_it_be_tried() -> None:
    Service.objects.update(next_try_at=timezone.now())


def states(kind: str) -> list[tuple[str, int]]:
    return list(Delivery.objects.filter(kind=kind).values_list("state", "attempts"))


def test_opens_after_so_many_misses_and_leaves_the_rest_alone(put, channel, lane):
    for _ in range(THRESHOLD + 10):
        put()
    channel.error = Unreachable("no answer")
    assert lane.deliver()
    service = Service.objects.get()
    assert (service.name, service.state, service.failures) == ("tests", State.OPEN, THRESHOLD)
    assert service.last_error == "no answer"
    assert Delivery.objects.filter(attempts=1, last_error="no answer").count() == THRESHOLD
    assert Delivery.objects.filter(attempts=0, lease_id=None).count() == 10
    assert not lane.deliver()
    assert Delivery.objects.filter(attempts=0).count() == 10


@pytest.mark.parametrize("error", [Retry("busy"), Refused("no"), ValueError("x"), Unwanted(), None])
def test_whatever_else_goes_wrong_does_not_open_it(put, channel, lane, error):
    for _ in range(THRESHOLD * 2):
        put()
    channel.error = error
    assert lane.deliver()
    assert not Service.objects.exists()


@pytest.mark.parametrize("error", [Retry("busy"), Refused("no"), None])
def test_an_answer_in_between_begins_the_count_anew(put, channel, lane, error):
    for failure in [*[Unreachable("no answer")] * (THRESHOLD - 1), error, Unreachable("no answer")]:
        put()
        channel.error = failure
        assert lane.deliver()
    assert (Service.objects.get().state, Service.objects.get().failures) == (State.CLOSED, 1)


def test_one_trial_closes_it_and_all_others_go_out(put, break_it, channel, lane):
    break_it()
    for _ in range(3):
        put(kind="tests.next")
    assert not lane.deliver()
    let_it_be_tried()
    assert lane.deliver()
    assert len(channel.sent) == 1
    service = Service.objects.get()
    assert (service.state, service.failures, service.opened_at, service.next_try_at) == (
        State.CLOSED, 0, None, None,
    )  # fmt: skip
    assert lane.deliver()
    assert states("tests.next") == [("sent", 1)] * 3


def test_a_trial_that_fails_waits_longer_each_time(put, break_it, channel, lane):
    opened_at = break_it().opened_at
    channel.error = Unreachable("no answer")
    pauses = []
    for _ in range(8):
        put(kind="tests.next")
        let_it_be_tried()
        assert lane.deliver()
        service = Service.objects.get()
        assert (service.state, service.opened_at) == (State.OPEN, opened_at)
        pauses.append((service.next_try_at - timezone.now()) / FIRST_PAUSE)
    assert 1.4 < pauses[0] < 2.6
    assert 2.9 < pauses[1] < 5.1
    assert max(pauses) <= LONGEST_PAUSE * 1.25 / FIRST_PAUSE


def test_waits_as_long_as_the_service_asks_for(break_it):
    service = break_it(Unreachable("503", after=dt.timedelta(minutes=20)))
    assert service.next_try_at - timezone.now() > dt.timedelta(minutes=19)


def test_one_delivery_tries_it_and_the_others_wait_for_that(put, break_it, lane):
    break_it()
    put(), put()
    let_it_be_tried()
    first = take_batch("tests")
    assert (first.is_trial, len(first.taken)) == (True, 1)
    assert Service.objects.get().state == State.HALF_OPEN
    assert take_batch("tests") is None


def test_a_trial_whose_worker_died_is_made_by_another(put, break_it):
    break_it()
    put(), put()
    let_it_be_tried()
    assert take_batch("tests")
    Service.objects.update(next_try_at=timezone.now() - LEASE)
    assert take_batch("tests").is_trial


def test_a_trial_that_found_nothing_out_is_made_by_the_next(put, break_it, channel, lane):
    break_it()
    put(), put()
    let_it_be_tried()
    channel.error = Unwanted()
    assert lane.deliver()
    assert Service.objects.get().state == State.OPEN
    channel.error = None
    assert lane.deliver()
    assert Service.objects.get().state == State.CLOSED


def test_a_trial_that_the_service_itself_turns_down_closes_it(put, break_it, channel, lane):
    break_it()
    put()
    let_it_be_tried()
    channel.error = Unwanted("unknown", is_reached=True)
    assert lane.deliver()
    assert Service.objects.get().state == State.CLOSED


def test_another_service_of_the_channel_is_not_held_up(put, break_it, channel, lane):
    break_it()
    put()
    put(kind="tests.other", service="elsewhere")
    assert lane.deliver()
    assert states("tests.other") == [("sent", 1)]
    assert not lane.deliver()


def test_what_waits_for_a_service_that_is_away_is_not_due(put, break_it):
    break_it()
    late = put()
    Delivery.objects.filter(pk=late.pk).update(due_at=timezone.now() - dt.timedelta(hours=1))
    assert oldest_due() == dt.timedelta(0)
    breaker.reached("tests")
    assert oldest_due() > dt.timedelta(minutes=59)


def test_what_waits_for_a_service_that_is_away_gets_stale(put, break_it, lane):
    break_it()
    stale = put()
    Delivery.objects.filter(pk=stale.pk).update(stale_at=timezone.now())
    give_up()
    stale.refresh_from_db()
    assert (stale.state, stale.attempts, stale.body) == (Delivery.State.GIVEN_UP, 0, "")


def test_once_does_not_wait_for_it(put, break_it, channel):
    break_it()
    put(kind="tests.next")
    assert not deliver_next(Stop())
    let_it_be_tried()
    assert deliver_next(Stop())
    assert states("tests.next") == [("sent", 1)]


def test_one_that_began_before_says_nothing_new(break_it):
    before = break_it()
    breaker.missed("tests", channel="tests", error="no answer")
    after = Service.objects.get()
    assert (after.failures, after.next_try_at) == (before.failures, before.next_try_at)


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_one_tries_it(put, break_it):
    service = break_it()
    let_it_be_tried()
    service.refresh_from_db()
    barrier, won = threading.Barrier(8), []

    def race() -> None:
        barrier.wait()
        won.append(breaker.try_it(service, LEASE))
        connection.close()

    run(race)
    assert sum(won) == 1


@pytest.mark.django_db(transaction=True)
def test_misses_of_many_workers_are_all_counted(db):
    barrier = threading.Barrier(8)

    def race() -> None:
        barrier.wait()
        breaker.missed("tests", channel="tests", error="no answer")
        connection.close()

    run(race)
    assert Service.objects.get().state == State.OPEN
    assert Service.objects.get().failures == THRESHOLD


def run(race) -> None:
    threads = [threading.Thread(target=race) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("change", [{"opened_at": None}, {"next_try_at": None}, {"state": State.CLOSED}])
def test_the_database_wants_to_know_when_it_is_tried(break_it, change):
    break_it()
    with pytest.raises(IntegrityError), transaction.atomic():
        Service.objects.update(**change)
