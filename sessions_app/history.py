"""What one person hosted or was admitted to, newest first: the history, its export, the API's list.

Two sources, each read along an index of its own, and merged here. One query for both would be
an OR over two tables, which sorts all that somebody ever did for each page.
"""

import datetime as dt
import uuid
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import Person
from devices.models import DeviceAuthorization
from medimic.pagination import PAGE_SIZE, Page, Place, cursor_from, cursor_of, page_from, rows_from, slice_at
from sessions_app import search
from sessions_app.models import Participant, Visit

HOSTED_ORDER = ("-started_at", "-id")
ATTENDED_ORDER = ("-visit_started_at", "-visit_id")
# A search looks through so many sessions from where the page begins before it asks the index of words.
NEAR = 1000
# The export reads so many at a time.
LOT = 500


@dataclass(frozen=True)
class Wanted:
    """What the history is narrowed down to. Instants, the later one excluded; `now` parts the
    active from the expired."""

    now: dt.datetime
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    mode: str = ""
    status: str = ""
    words: str = ""

    def condition(self, prefix: str = "") -> Q:
        """All but dates and words, for rows whose session is at `prefix`."""
        found = Q()
        if self.mode:
            found &= Q(**{f"{prefix}mode": self.mode})
        if self.status:
            found &= Q(**{f"{prefix}ended_at__isnull": self.status != Visit.Status.ENDED})
        if self.status == Visit.Status.ACTIVE:
            found &= Q(**{f"{prefix}expires_at__gt": self.now})
        if self.status == Visit.Status.EXPIRED:
            found &= Q(**{f"{prefix}expires_at__lte": self.now})
        return found

    def dates(self, field: str) -> Q:
        found = Q()
        if self.since:
            found &= Q(**{f"{field}__gte": self.since})
        if self.until:
            found &= Q(**{f"{field}__lt": self.until})
        return found


@dataclass(frozen=True)
class Part:
    """Some sessions in their order, what lies around them, and the cursors of the outer two."""

    visits: list[Visit]
    has_previous: bool
    has_next: bool
    edges: tuple[str, str] = ("", "")


def page_for(request: HttpRequest, person: Person, wanted: Wanted) -> Page[Visit]:
    """The page that the address asks for, with the devices of what the person hosted; as many
    queries for few sessions as for very many."""
    part = part_of(person.pk, wanted, size=PAGE_SIZE, place=Place.of(request))
    add_devices(part.visits, person)
    return page_from(
        part.visits, request, edges=part.edges, has_previous=part.has_previous, has_next=part.has_next
    )


def part_of(person_id: uuid.UUID, wanted: Wanted, *, size: int, place: Place) -> Part:
    """Up to `size` sessions at that place; three queries, and three more for a search on PostgreSQL.

    Raises `Http404` on a bad cursor.
    """
    with search.along_indexes() if wanted.words else nullcontext():
        hosted, is_behind, is_before = _hosted_at(person_id, wanted, size=size, place=place)
        attended, *around = slice_at(
            _attended(person_id, wanted), order=ATTENDED_ORDER, size=size, place=place
        )
    keys = sorted(
        {(visit.started_at, visit.pk) for visit in hosted}
        | {(row["visit_started_at"], row["visit_id"]) for row in attended},
        reverse=True,
    )
    kept = keys[-size:] if place.is_backwards else keys[:size]
    is_cut = len(keys) > size
    return Part(
        _visits(kept, hosted),
        has_previous=is_behind or around[0] or (is_cut and place.is_backwards),
        has_next=is_before or around[1] or (is_cut and not place.is_backwards),
        edges=(cursor_from(kept[0]), cursor_from(kept[-1])) if kept else ("", ""),
    )


def of_device(authorization: DeviceAuthorization, *, size: int, place: Place) -> Part:
    """What a device lists for its account, or a guest's device of its own."""
    if authorization.account_id is not None:
        return part_of(authorization.account_id, Wanted(timezone.now()), size=size, place=place)
    own = Visit.objects.filter(authorization=authorization)
    found, has_previous, has_next = slice_at(own, order=HOSTED_ORDER, size=size, place=place)
    edges = (cursor_of(found[0], HOSTED_ORDER), cursor_of(found[-1], HOSTED_ORDER)) if found else ("", "")
    return Part(found, has_previous, has_next, edges)


def recent(person: Person, limit: int, now: dt.datetime) -> list[Visit]:
    """The latest ones."""
    return part_of(person.pk, Wanted(now), size=limit, place=Place()).visits


def each(person: Person, wanted: Wanted) -> Iterator[Visit]:
    """All of them, a lot at a time, with the devices of what the person hosted."""
    place = Place()
    while True:
        part = part_of(person.pk, wanted, size=LOT, place=place)
        add_devices(part.visits, person)
        yield from part.visits
        if not part.has_next:
            return
        place = Place(after=part.edges[1])


def add_devices(visits: list[Visit], person: Person) -> None:
    """Give each session that the person hosted its device: one query, since there are few of them."""
    ids = {visit.authorization_id for visit in visits if visit.host_id == person.pk}
    if not ids:
        return
    rows = DeviceAuthorization.objects.select_related("device").defer("phone_number", "push_token")
    known = rows.in_bulk(ids)
    for visit in visits:
        if visit.authorization_id in known:
            visit.authorization = known[visit.authorization_id]


def _hosted_at(
    person_id: uuid.UUID, wanted: Wanted, *, size: int, place: Place
) -> tuple[list[Visit], bool, bool]:
    rows = Visit.objects.filter(wanted.condition(), wanted.dates("started_at"))
    rows = rows.defer("search", "idempotency_key", "request_digest")
    own = rows.filter(host=person_id)
    if not search.wanted_words(wanted.words):
        return slice_at(own, order=HOSTED_ORDER, size=size, place=place)
    if connection.vendor != "postgresql":
        return slice_at(own.filter(search.matching(wanted.words)), order=HOSTED_ORDER, size=size, place=place)
    # A common word fills the page from the nearest sessions; what it does not find there is rare
    # enough for the index of words, which knows no order.
    near = rows_from(own, order=HOSTED_ORDER, place=place)[:NEAR].values("pk")
    found = slice_at(
        rows.filter(search.matching(wanted.words), pk__in=near), order=HOSTED_ORDER, size=size, place=place
    )
    if len(found[0]) == size and (found[1] if place.is_backwards else found[2]):
        return found
    rare = rows.filter(search.in_index_of(person_id, wanted.words))
    return slice_at(rare, order=HOSTED_ORDER, size=size, place=place)


def _attended(person_id: uuid.UUID, wanted: Wanted) -> QuerySet[Any, Any]:
    """Once each, though somebody may have joined by two devices."""
    rows = Participant.objects.admitted().filter(
        wanted.condition("visit__"), wanted.dates("visit_started_at"), person=person_id, is_host=False
    )
    if wanted.words:
        rows = rows.filter(search.matching(wanted.words, "visit__"))
    return rows.values("visit_started_at", "visit_id").distinct()


def _visits(keys: list[tuple[dt.datetime, uuid.UUID]], hosted: list[Visit]) -> list[Visit]:
    known = {visit.pk: visit for visit in hosted}
    others = [pk for _start, pk in keys if pk not in known]
    if others:
        known |= Visit.objects.defer("search").in_bulk(others)
    return [known[pk] for _start, pk in keys]
