"""A lane's senders: none waits for another channel, nor for another service that hangs."""

import threading
import time
from collections import Counter

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from medimic.outbox import lanes, registry, taking, worker
from medimic.outbox.lanes import Lane
from medimic.outbox.models import Delivery
from medimic.outbox.queue import enqueue
from medimic.outbox.registry import Message, Unwanted

State = Delivery.State


class Hanging:
    """Takes messages at once, but for those to "hangs": they wait for `let_go`."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.in_hand = 0
        self.let_go = threading.Event()

    def send(self, message: Message) -> None:
        if message.recipient == "hangs":
            self.in_hand += 1
            assert self.let_go.wait(30)
        self.sent.append(message.recipient)

    def masked(self, recipient: str) -> str:
        return recipient


@pytest.fixture
def channels(monkeypatch):
    """Two channels, and no other."""
    found = {"one": Hanging(), "two": Hanging()}
    monkeypatch.setattr(registry, "_channels", found)
    monkeypatch.setattr(registry, "_jobs", {})
    monkeypatch.setattr(lanes, "REST_SECONDS", 0.02)
    monkeypatch.setattr(lanes, "QUICK_SECONDS", 0.2)
    return found


@pytest.fixture
def at_work(channels):
    """A worker of this process."""
    stop = worker.Stop()
    thread = threading.Thread(target=worker.work, args=[stop])
    thread.start()
    yield stop
    for channel in channels.values():
        channel.let_go.set()
    stop.ask()
    thread.join()


def fill(channel: str, number: int, *, hang: bool = False, service: str = "") -> None:
    with transaction.atomic():
        for _ in range(number):
            recipient = "hangs" if hang else "answers"
            enqueue("tests.x", channel=channel, recipient=recipient, body={"x": 1}, service=service)


def wait_until(is_so) -> None:
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


@pytest.mark.django_db(transaction=True)
def test_a_channel_that_hangs_holds_no_other_up(at_work, channels):
    fill("one", 50, hang=True)
    wait_until(lambda: channels["one"].in_hand)
    fill("two", 50)
    wait_until(lambda: len(channels["two"].sent) == 50)
    assert channels["one"].sent == []


@pytest.mark.django_db(transaction=True)
def test_a_service_that_hangs_holds_no_other_of_its_channel_up(at_work, channels):
    one = channels["one"]
    fill("one", 50, hang=True, service="slow")
    wait_until(lambda: one.in_hand)
    fill("one", 50, service="quick")
    wait_until(lambda: len(one.sent) == 50)
    assert (Counter(one.sent), one.in_hand) == ({"answers": 50}, 1)
    one.let_go.set()
    wait_until(lambda: len(one.sent) == 100)


@pytest.mark.django_db(transaction=True)
@pytest.mark.once
def test_it_would_if_every_sender_could_go_anywhere(monkeypatch, at_work, channels):
    one = channels["one"]
    monkeypatch.setattr(Lane, "_is_quick", lambda *_: True)
    fill("one", 50, hang=True, service="slow")
    wait_until(lambda: one.in_hand == registry.SENDERS)
    fill("one", 5, service="quick")
    time.sleep(0.3)
    assert one.sent == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.once
def test_a_worker_without_one_of_its_lanes_ends(channels, monkeypatch):
    monkeypatch.setattr(worker, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(Lane, "_lead", lambda lane: None)
    with pytest.raises(RuntimeError, match="ended by itself"):
        worker.work(worker.Stop())


@pytest.mark.django_db(transaction=True)
def test_a_service_that_comes_to_hang_gets_one_sender_back(at_work, channels):
    one = channels["one"]
    fill("one", 40, service="slow")
    wait_until(lambda: len(one.sent) == 40)
    # Known as quick, so that it has both of them; each is kept for one delivery.
    fill("one", 60, hang=True, service="slow")
    wait_until(lambda: one.in_hand)
    one.let_go.set()
    wait_until(lambda: len(one.sent) == 100)


@pytest.mark.django_db(transaction=True)
def test_a_stop_brings_what_is_in_hand_to_its_end_and_gives_the_rest_back(channels):
    fill("one", 10, hang=True)
    stop = worker.Stop()
    thread = threading.Thread(target=worker.work, args=[stop])
    thread.start()
    wait_until(lambda: channels["one"].in_hand)
    stop.ask()
    channels["one"].let_go.set()
    thread.join(20)
    assert not thread.is_alive()
    assert len(channels["one"].sent) == 1
    assert Delivery.objects.filter(state=State.SENT, attempts=1).count() == 1
    assert Delivery.objects.filter(state=State.WAITING, attempts=0, lease_id=None).count() == 9
    assert taking.take(), "as due as before"


@pytest.mark.django_db
def test_a_batch_that_takes_long_is_given_back(put, channel, monkeypatch):
    for _ in range(5):
        put()
    monkeypatch.setattr(lanes, "BATCH_SECONDS", 0.0)
    batch = taking.take_batch("tests")
    Lane("tests", worker.Stop())._send(batch)
    assert channel.sent == []
    assert Delivery.objects.filter(attempts=0, lease_id=None).count() == 5


@pytest.mark.django_db
def test_whether_each_is_wanted_is_asked_right_before_it_is_sent(put, channel, monkeypatch):
    monkeypatch.setattr(registry, "_guards", {})
    registry.register_guard("tests.guarded", lambda subject: not channel.sent)
    for _ in range(5):
        put(kind="tests.guarded")
    assert Lane("tests", worker.Stop()).deliver()
    assert len(channel.sent) == 1
    assert Delivery.objects.filter(state=State.DROPPED).count() == 4


@pytest.mark.django_db
def test_one_that_cannot_be_opened_stops_no_other(put, channel):
    broken = [put() for _ in range(3)][1]
    with connection.cursor() as cursor:
        table, pk = Delivery._meta.db_table, Delivery._meta.pk
        key = pk.get_db_prep_value(broken.pk, connection)
        cursor.execute(f"UPDATE {table} SET body = 'not ours' WHERE id = %s", [key])
    assert Lane("tests", worker.Stop()).deliver()
    assert len(channel.sent) == 2
    assert Delivery.objects.defer("recipient", "body").get(pk=broken.pk).last_error == "failed: Undecryptable"


@pytest.mark.django_db
def test_what_may_have_killed_its_worker_goes_alone(put, channel):
    for _ in range(5):
        put()
    taken = taking.take_batch("tests", most=2).taken
    for one in taken:
        Delivery.objects.filter(pk=one.id).update(due_at=one.delivery.due_at)
    assert [len(taking.take_batch("tests").taken) for _ in range(3)] == [1, 1, 3]


@pytest.mark.django_db
def test_a_reason_for_dropping_it_is_kept(put, deliver, channel):
    channel.error = Unwanted("revoked meanwhile")
    delivery = put()
    deliver()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.last_error, delivery.body) == (State.DROPPED, "revoked meanwhile", "")


@pytest.mark.django_db
@pytest.mark.once
def test_costs_few_queries_a_delivery_however_many_wait(put, channel):
    lane = Lane("tests", worker.Stop())
    counts = []
    for number in (taking.BATCH, taking.BATCH * 5):
        for _ in range(number):
            put()
        with CaptureQueriesContext(connection) as queries:
            assert lane.deliver()
        counts.append(len(queries))
        while lane.deliver():
            pass
    assert counts[0] == counts[1] <= taking.BATCH + 8


@pytest.mark.django_db(transaction=True)
def test_lanes_of_which_nothing_waits_are_left_alone(channels, monkeypatch):
    fill("one", 1)
    stop = worker.Stop()
    monkeypatch.setattr(stop, "wait", lambda seconds: stop.ask())
    alongside = [Lane("one", stop), Lane("two", stop)]
    lanes.keep_lookout(stop, alongside)
    assert [lane._is_called.is_set() for lane in alongside] == [True, False]
