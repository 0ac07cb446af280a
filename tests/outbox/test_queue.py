"""Putting messages into the outbox."""

import datetime as dt
import threading
import uuid

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction

from medimic.outbox.mail import enqueue_message
from medimic.outbox.models import Delivery
from medimic.outbox.queue import enqueue
from tests.outbox.raw import raw_rows

pytestmark = pytest.mark.both


@pytest.mark.django_db(transaction=True)
def test_is_refused_outside_of_a_transaction(channel):
    with pytest.raises(RuntimeError, match=r"tests\.greeting"):
        enqueue("tests.greeting", channel="tests", recipient="x", body={})


@pytest.mark.django_db(transaction=True)
def test_rolls_back_with_the_transaction(channel):
    with transaction.atomic():
        enqueue("tests.greeting", channel="tests", recipient="x", body={})
        transaction.set_rollback(True)
    assert not Delivery.objects.exists()


def test_keeps_recipient_and_body_encrypted(put):
    subject = uuid.uuid4()
    delivery = put(recipient="PLANTED-RECIPIENT", subject_id=subject, stale_after=dt.timedelta(hours=1))
    assert "PLANTED" not in raw_rows()
    delivery.refresh_from_db()
    assert delivery.recipient == "PLANTED-RECIPIENT"
    assert delivery.recipient_masked == "PL…"
    assert delivery.subject_id == subject
    assert delivery.stale_at - delivery.created_at == dt.timedelta(hours=1)
    assert str(delivery) == "tests.greeting to PL…"


def test_a_channel_that_nobody_registered_is_refused(put):
    with pytest.raises(LookupError), transaction.atomic():
        enqueue("tests.greeting", channel="pigeon", recipient="x", body={})


def test_a_dedupe_key_is_used_once(put):
    assert put(dedupe_key="one") == put(dedupe_key="one") != put(dedupe_key="two")
    assert Delivery.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_dedupe_key_raced_is_used_once(put):
    barrier = threading.Barrier(10)
    made = []

    def race() -> None:
        barrier.wait()
        made.append(put(dedupe_key="one").pk)
        connection.close()

    threads = [threading.Thread(target=race) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 10
    assert len(set(made)) == 1
    assert Delivery.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    "to",
    [
        "",
        "nobody",
        "a@b@c.example",
        "a@people.example\nBcc: b@people.example",
        "a@people.example, b@people.example",
        "Anna <a@people.example>",
    ],
)
def test_what_is_no_address_is_refused(to):
    with pytest.raises(ValidationError):
        enqueue_message("tests.greeting", to=to, subject="x", text="x")


@pytest.mark.parametrize(
    "change",
    [
        {"state": "sent"},
        {"finished_at": dt.datetime(2026, 1, 1, tzinfo=dt.UTC)},
        {"recipient": ""},
        {"body": ""},
        {"state": "sent", "finished_at": dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "body": ""},
        {"state": "dropped", "finished_at": dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "recipient": ""},
    ],
)
def test_the_database_wants_finished_deliveries_erased_and_others_whole(put, change):
    delivery = put()
    with pytest.raises(IntegrityError), transaction.atomic():
        Delivery.objects.filter(pk=delivery.pk).update(**change)


def test_the_database_takes_a_finished_and_erased_delivery(put):
    delivery = put()
    change = {"state": "sent", "recipient": "", "body": "", "finished_at": delivery.created_at}
    assert Delivery.objects.filter(pk=delivery.pk).update(**change) == 1
