"""One attempt at a time: taken up by one, noted by whoever holds the lease."""

import datetime as dt
import itertools
import logging
import uuid

import pytest
from django.utils import timezone

from medimic.outbox import delivering, registry
from medimic.outbox.backlog import oldest_due
from medimic.outbox.delivering import MOST_ATTEMPTS, Outcome, attempt, finish, send_again
from medimic.outbox.erasing import give_up, prune
from medimic.outbox.models import Delivery
from medimic.outbox.registry import Refused, Retry
from medimic.outbox.taking import LEASE, Taken, take
from tests.outbox.raw import raw_rows

pytestmark = pytest.mark.both

State = Delivery.State


def wind(delivery: Delivery, **ago: float) -> None:
    """Let that much time pass for the delivery."""
    delivery.refresh_from_db()
    past = dt.timedelta(**ago)
    for name in ("due_at", "stale_at", "created_at", "finished_at"):
        if value := getattr(delivery, name):
            setattr(delivery, name, value - past)
    delivery.save()


def test_sends_and_erases(put, deliver, channel):
    delivery = put(recipient="PLANTED-RECIPIENT", person_id=uuid.uuid4(), subject_id=uuid.uuid4())
    deliver()
    (message,) = channel.sent
    assert (message.id, message.recipient, message.body) == (
        delivery.pk, "PLANTED-RECIPIENT", {"text": "PLANTED-BODY"},
    )  # fmt: skip
    assert (message.person_id, message.subject_id) == (delivery.person_id, delivery.subject_id)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts, delivery.recipient, delivery.body) == (State.SENT, 1, "", "")
    assert delivery.finished_at
    assert delivery.lease_id is None
    assert take() is None


def test_takes_the_one_that_is_due_longest(put):
    later, sooner = put(), put()
    wind(sooner, minutes=5)
    assert take().id == sooner.pk
    assert take().id == later.pk
    assert take() is None


def test_what_is_taken_up_is_due_again_only_when_the_lease_ends(put, channel):
    delivery = put()
    first = take()
    assert take() is None
    wind(delivery, seconds=LEASE.total_seconds() + 1)
    second = take()
    assert (second.id, second.attempt) == (first.id, 2)

    assert not finish(first, Outcome(State.GIVEN_UP, "late"))
    delivery.refresh_from_db()
    assert delivery.state == State.WAITING
    assert finish(second, attempt(second))
    assert not finish(first, Outcome(State.GIVEN_UP, "late"))
    delivery.refresh_from_db()
    assert delivery.state == State.SENT


def test_tries_again_later_each_time(put, deliver, channel):
    channel.error = Retry("busy")
    delivery = put()
    pauses = []
    for number in range(1, 10):
        deliver()
        delivery.refresh_from_db()
        assert (delivery.state, delivery.attempts, delivery.last_error) == (State.WAITING, number, "busy")
        assert delivery.lease_id is None
        pauses.append((delivery.due_at - timezone.now()).total_seconds())
        assert take() is None
        wind(delivery, seconds=pauses[-1] + 1)
    assert 11 <= pauses[0] <= 19
    for before, after in itertools.pairwise(pauses[:7]):
        assert 1.1 * before < after < 3.5 * before
    assert max(pauses) <= 1800 * 1.25
    channel.error = None
    deliver()
    assert len(channel.sent) == 1
    delivery.refresh_from_db()
    assert (delivery.state, delivery.last_error) == (State.SENT, "")


def test_pauses_differ(put):
    taken = Taken(put(), uuid.uuid4(), 5)
    outcomes = [delivering._again(taken, "") for _ in range(20)]
    assert len({outcome.due_at for outcome in outcomes}) == 20


def test_waits_as_long_as_it_is_told_to(put, deliver, channel):
    channel.error = Retry("busy", after=dt.timedelta(hours=3))
    delivery = put()
    deliver()
    delivery.refresh_from_db()
    assert delivery.due_at - timezone.now() > dt.timedelta(hours=2, minutes=59)


def test_gives_up_where_it_is_told_to_wait_too_long(put, deliver, channel):
    channel.error = Retry("busy", after=dt.timedelta(days=3))
    delivery = put()
    deliver()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.last_error, delivery.body) == (State.GIVEN_UP, "busy", "")


def test_keeps_what_was_refused_until_it_is_stale(put, deliver, channel):
    channel.error = Refused("unknown recipient")
    delivery = put(recipient="PLANTED-RECIPIENT", stale_after=dt.timedelta(hours=1))
    deliver()
    give_up()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.last_error) == (State.FAILED, "unknown recipient")
    assert delivery.recipient == "PLANTED-RECIPIENT"
    assert "PLANTED" not in raw_rows()
    assert take() is None
    wind(delivery, hours=1)
    give_up()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.last_error) == (State.GIVEN_UP, "unknown recipient")
    assert (delivery.recipient, delivery.body) == ("", "")


def test_what_failed_is_sent_again_where_somebody_wants_it_to_be(put, deliver, channel):
    delivery = put()
    channel.error = Refused("unknown recipient")
    deliver()
    delivery.refresh_from_db()
    assert send_again(delivery)
    assert not Delivery.objects.filter(attempts__gt=0).exists()
    channel.error = None
    deliver()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.body) == (State.SENT, "")
    assert not send_again(delivery)
    assert len(channel.sent) == 1


def test_what_waits_for_its_next_attempt_is_sent_at_once_where_somebody_wants_it_to_be(put, deliver, channel):
    channel.error = Retry("busy", after=dt.timedelta(hours=3))
    delivery = put()
    deliver()
    assert take() is None
    assert send_again(delivery)
    taken = take()
    assert taken.attempt == 2
    # Somebody has it in hand.
    assert not send_again(delivery)
    assert not finish(Taken(delivery, uuid.uuid4(), 2), Outcome(State.SENT))


def test_what_is_stale_is_not_sent_again(put, deliver, channel):
    channel.error = Refused("unknown recipient")
    delivery = put(stale_after=dt.timedelta(hours=1))
    deliver()
    wind(delivery, hours=1)
    assert not send_again(delivery)
    delivery.refresh_from_db()
    assert delivery.state == State.FAILED


def test_gives_up_what_waits_and_is_stale_but_not_what_is_on_its_way(put, channel):
    stale, fresh, held = (put(stale_after=dt.timedelta(hours=1)) for _ in range(3))
    Delivery.objects.filter(pk__in=[stale.pk, held.pk]).update(stale_at=timezone.now())
    Delivery.objects.filter(pk=held.pk).update(lease_id=uuid.uuid4(), due_at=timezone.now() + LEASE)
    give_up()
    states = dict(Delivery.objects.values_list("pk", "state"))
    assert states == {stale.pk: State.GIVEN_UP, fresh.pk: State.WAITING, held.pk: State.WAITING}
    stale.refresh_from_db()
    assert (stale.last_error, stale.recipient) == (delivering.STALE, "")


def test_gives_up_what_went_stale_without_sending_it(put, deliver, channel):
    delivery = put(stale_after=dt.timedelta(hours=1))
    wind(delivery, hours=1)
    deliver()
    delivery.refresh_from_db()
    assert (delivery.state, channel.sent, delivery.body) == (State.GIVEN_UP, [], "")


def test_makes_a_last_attempt_shortly_before_it_goes_stale(put, deliver, channel):
    channel.error = Retry("busy")
    delivery = put(stale_after=dt.timedelta(minutes=15))
    Delivery.objects.update(attempts=20)
    deliver()
    delivery.refresh_from_db()
    assert delivery.state == State.WAITING
    assert delivery.stale_at - delivery.due_at == delivering.LAST_CALL
    wind(delivery, minutes=14, seconds=46)
    deliver()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.last_error) == (State.GIVEN_UP, "busy")


def test_fails_after_too_many_attempts(put, deliver, channel):
    channel.error = Retry("busy")
    delivery = put()
    Delivery.objects.update(attempts=MOST_ATTEMPTS - 1)
    deliver()
    delivery.refresh_from_db()
    assert delivery.state == State.FAILED


def test_what_kills_each_worker_that_takes_it_fails(put, deliver, channel):
    delivery = put()
    Delivery.objects.update(attempts=MOST_ATTEMPTS)
    deliver()
    delivery.refresh_from_db()
    assert (delivery.state, channel.sent) == (State.FAILED, [])


def test_tells_of_an_unforeseen_failure_its_type_alone(put, deliver, channel, caplog):
    channel.error = ValueError("PLANTED-RECIPIENT is not to be told")
    delivery = put(recipient="PLANTED-RECIPIENT")
    with caplog.at_level(logging.DEBUG):
        deliver()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.last_error) == (State.WAITING, "failed: ValueError")
    assert "PLANTED" not in caplog.text
    assert "PLANTED" not in raw_rows()


def test_a_guard_drops_what_is_no_longer_wanted(put, deliver, channel, monkeypatch):
    asked, wanted = [], [True, False]
    monkeypatch.setattr(registry, "_guards", {})
    registry.register_guard(
        "tests.invitation", lambda subject: asked.append(subject) or wanted[len(asked) - 1]
    )
    subject = uuid.uuid4()
    first = put(kind="tests.invitation", subject_id=subject)
    deliver()
    second = put(kind="tests.invitation", subject_id=subject)
    put()
    deliver()
    deliver()
    for delivery in (first, second):
        delivery.refresh_from_db()
    assert asked == [subject, subject]
    assert (first.state, second.state) == (State.SENT, State.DROPPED)
    assert (second.recipient, second.body) == ("", "")
    assert len(channel.sent) == 2


def test_a_guard_is_asked_before_each_attempt(put, deliver, channel, monkeypatch):
    monkeypatch.setattr(registry, "_guards", {"tests.invitation": lambda _: not channel.error})
    delivery = put(kind="tests.invitation")
    taken = take()
    finish(taken, Outcome(State.WAITING, "busy", timezone.now()))
    channel.error = Retry("busy")
    deliver()
    delivery.refresh_from_db()
    assert delivery.state == State.DROPPED


def test_a_guard_that_fails_drops_nothing(put, deliver, channel, monkeypatch):
    monkeypatch.setattr(registry, "_guards", {"tests.invitation": lambda _: 1 / 0})
    delivery = put(kind="tests.invitation")
    deliver()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.last_error) == (State.WAITING, "failed: ZeroDivisionError")


def test_one_that_cannot_be_opened_stops_none_behind_it(put, deliver, channel, settings):
    keys = settings.FIELD_KEYS
    settings.FIELD_KEYS = [b"another-key-of-thirty-two-bytes!"]
    closed = put()
    wind(closed, minutes=1)
    settings.FIELD_KEYS = keys
    put()
    deliver()
    deliver()
    closed = Delivery.objects.defer("recipient", "body").get(pk=closed.pk)
    assert (closed.state, closed.last_error) == (State.WAITING, "failed: Undecryptable")
    assert len(channel.sent) == 1


def test_old_deliveries_are_removed(put, deliver, channel):
    old, young, waiting = put(), put(), put()
    deliver()
    deliver()
    wind(old, days=31)
    prune()
    assert set(Delivery.objects.values_list("pk", flat=True)) == {young.pk, waiting.pk}


def test_tells_how_long_the_oldest_has_been_due(put):
    assert oldest_due() == dt.timedelta(0)
    delivery = put()
    put()
    wind(delivery, minutes=7)
    assert dt.timedelta(minutes=7) <= oldest_due() < dt.timedelta(minutes=8)
    take()
    assert oldest_due() < dt.timedelta(minutes=1)


@pytest.mark.parametrize(
    "register",
    [
        lambda: registry.register_channel("tests", None),
        lambda: registry.register_guard("tests.kind", bool),
        lambda: registry.register_job("tests.job", every=dt.timedelta(days=1), run=list),
    ],
)
def test_names_are_registered_once(monkeypatch, register):
    for name in ("_channels", "_guards", "_jobs"):
        monkeypatch.setattr(registry, name, {})
    register()
    with pytest.raises(ValueError, match="already"):
        register()
