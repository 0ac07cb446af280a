"""Feeds: positions in the order in which changes become visible, and one row for each thing."""

import threading
import time
import uuid

import pytest
from django.db import connection, transaction

from medimic.changes import feeds
from medimic.changes.models import Change, Feed, Kind

pytestmark = pytest.mark.both

PERSON, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)
WRITERS, EACH = 6, 10


def noted(*changed, people=(PERSON,)) -> None:
    with transaction.atomic():
        feeds.note(people, *changed)


def read(person=PERSON, position=0, limit=100) -> list[tuple[str, int]]:
    return [(change.kind, change.object_id.int) for change in feeds.since(person, position, limit)]


@pytest.mark.django_db
def test_changes_come_in_the_order_in_which_they_were_noted():
    noted((Kind.SESSION, uuid.UUID(int=7)))
    noted((Kind.ORGANIZATION, uuid.UUID(int=8)), (Kind.SESSION, uuid.UUID(int=9)))
    assert read() == [("session", 7), ("organization", 8), ("session", 9)]
    assert feeds.position_of(PERSON) == 3


@pytest.mark.django_db
def test_a_thing_that_changes_again_stands_once_at_its_latest_position():
    for number in (7, 8, 7):
        noted((Kind.SESSION, uuid.UUID(int=number)))
    assert read() == [("session", 8), ("session", 7)]
    assert read(position=2) == [("session", 7)]


@pytest.mark.django_db
def test_each_person_has_a_feed_of_their_own():
    noted((Kind.SESSION, uuid.UUID(int=7)), people=[PERSON, OTHER, PERSON])
    noted((Kind.SESSION, uuid.UUID(int=8)), people=[OTHER])
    assert read() == [("session", 7)]
    assert read(OTHER) == [("session", 7), ("session", 8)]
    assert feeds.position_of(uuid.UUID(int=3)) == 0


@pytest.mark.django_db
def test_queries_are_the_same_for_one_person_and_for_many(django_assert_num_queries):
    for count in (1, 90):
        people = [uuid.UUID(int=number) for number in range(count)]
        with transaction.atomic(), django_assert_num_queries(4):
            feeds.note(people, (Kind.QUESTIONNAIRE, uuid.UUID(int=7)))


@pytest.mark.django_db(transaction=True)
def test_a_change_that_was_rolled_back_takes_no_position():
    with transaction.atomic():
        feeds.note([PERSON], (Kind.SESSION, uuid.UUID(int=7)))
        transaction.set_rollback(True)
    noted((Kind.SESSION, uuid.UUID(int=8)))
    assert read() == [("session", 8)]
    assert feeds.position_of(PERSON) == 1


@pytest.mark.django_db(transaction=True)
def test_a_change_outside_of_a_transaction_is_refused():
    with pytest.raises(RuntimeError):
        feeds.note([PERSON], (Kind.SESSION, uuid.UUID(int=7)))


def follow(next_after, stop: threading.Event) -> list[uuid.UUID]:
    """What a reader sees who asks for what is behind the last thing it saw, until all is written."""
    seen, position = [], 0
    while True:
        is_last = stop.is_set()
        found = next_after(position)
        seen += [change.object_id for change in found]
        if found:
            last = found[-1]
            position = last.pk if next_after is by_serial else last.position
        elif is_last:
            return seen


def by_position(position: int) -> list[Change]:
    return feeds.since(PERSON, position, 100)


def by_serial(serial: int) -> list[Change]:
    return list(Change.objects.filter(person_id=PERSON, pk__gt=serial).order_by("pk")[:100])


def without_lock(object_id: uuid.UUID, number: int) -> None:
    Change.objects.create(person_id=PERSON, kind=Kind.SESSION, object_id=object_id, position=number)


def race(write, next_after) -> tuple[set, list]:
    """All that many writers wrote, slowly and at once, and what a reader saw of it meanwhile."""
    written: list[uuid.UUID] = []
    stop = threading.Event()
    seen: list[uuid.UUID] = []

    def writer(first: int) -> None:
        for number in range(first, first + EACH):
            object_id = uuid.uuid4()
            with transaction.atomic():
                write(object_id, number)
                time.sleep(0.002 * (number % 3))
            written.append(object_id)
        connection.close()

    def reader() -> None:
        seen.extend(follow(next_after, stop))
        connection.close()

    reading = threading.Thread(target=reader)
    reading.start()
    writers = [threading.Thread(target=writer, args=(1 + number * EACH,)) for number in range(WRITERS)]
    for thread in writers:
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    reading.join()
    assert len(written) == WRITERS * EACH
    return set(written), seen


@pytest.mark.django_db(transaction=True)
def test_a_reader_among_writers_misses_nothing_and_sees_nothing_twice():
    written, seen = race(
        lambda object_id, number: feeds.note([PERSON], (Kind.SESSION, object_id)), by_position
    )
    assert set(seen) == written
    assert len(seen) == len(written)
    assert Feed.objects.get(pk=PERSON).position == WRITERS * EACH


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("sqlite" in str(connection.vendor), reason="SQLite lets one writer in at a time")
def test_a_reader_that_followed_serial_numbers_would_miss_changes():
    """The control: numbers that are given out before the commit are overtaken."""
    for _attempt in range(5):
        Change.objects.all().delete()
        written, seen = race(without_lock, by_serial)
        if set(seen) != written:
            return
    pytest.fail("serial numbers missed nothing: the race is too slow to show anything")
