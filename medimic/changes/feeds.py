"""Writing and reading feeds.

A position is given out under the lock of the person's feed, which the writer holds until its
transaction ends. So positions become visible in their order: a reader that has seen one has
missed none before it. A serial number alone would not do: it is given out before the commit,
and a reader can see 8 while 7 is still on its way.
"""

import uuid
from collections.abc import Collection, Iterable

from django.db import connection
from django.db.models import F

from medimic.changes.models import Change, Feed, Kind

BATCH = 500


def note(people: Iterable[uuid.UUID], *changed: tuple[Kind, uuid.UUID]) -> None:
    """These things came, changed or went for these people; in the transaction in which they did.

    Call it last: feeds are locked behind everything else, in the order of people's ids.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("a change must be noted in the transaction that makes it")
    waiting = sorted(set(people))
    while waiting and changed:
        _note(waiting[:BATCH], dict.fromkeys(changed))
        waiting = waiting[BATCH:]


def _note(people: list[uuid.UUID], changed: Collection[tuple[Kind, uuid.UUID]]) -> None:
    Feed.objects.bulk_create([Feed(person_id=pk) for pk in people], ignore_conflicts=True)
    feeds = Feed.objects.filter(person_id__in=people)
    before = {
        feed.person_id: feed.position for feed in feeds.select_for_update(no_key=True).order_by("person_id")
    }
    feeds.update(position=F("position") + len(changed))
    Change.objects.bulk_create(
        [
            Change(person_id=pk, kind=kind, object_id=object_id, position=before[pk] + number)
            for pk in people
            for number, (kind, object_id) in enumerate(changed, start=1)
        ],
        update_conflicts=True,
        unique_fields=["person_id", "kind", "object_id"],
        update_fields=["position"],
    )


def position_of(person_id: uuid.UUID) -> int:
    """How far the feed has come; what is read after this holds all changes up to there."""
    return Feed.objects.filter(person_id=person_id).values_list("position", flat=True).first() or 0


def since(person_id: uuid.UUID, position: int, limit: int) -> list[Change]:
    """The next changes behind a position, in their order."""
    return list(
        Change.objects.filter(person_id=person_id, position__gt=position).order_by("position")[:limit]
    )
