"""Pages of the log, and walks through it, along its indexes."""

import uuid
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from django.db.models import QuerySet
from django.http import HttpRequest

from medimic.audit.models import AuditEvent
from medimic.pagination import Page, cursor_of, keyset_slice

NEWEST_FIRST = ("-created_at", "-id")
OLDEST_FIRST = ("created_at", "id")
PAGE_SIZE = 50
CHUNK = 500
# Sets of rows that are read as one list; an event that is in several of them stands there once.
Parts: TypeAlias = Sequence[QuerySet[AuditEvent]]


def page_of_parts(request: HttpRequest, parts: Parts, *, size: int = PAGE_SIZE) -> Page[AuditEvent]:
    """The page that `?after=` or `?before=` asks for, newest first, with one query for each part.

    One query for all of them would sort everything that it finds for every page: an index
    serves each of them, and none serves their union.
    """
    after, before = request.GET.get("after"), request.GET.get("before")
    events, has_previous, has_next = _merged(parts, after, before, size)
    return Page(
        events,
        next_url=_neighbour(request, "after", events[-1]) if events and has_next else None,
        previous_url=_neighbour(request, "before", events[0]) if events and has_previous else None,
    )


def walk(parts: Parts, *, order: Sequence[str] = NEWEST_FIRST) -> Iterator[AuditEvent]:
    """All of it, newest first, a chunk in memory at a time; without holding a transaction open."""
    after: str | None = None
    while True:
        events, _previous, has_next = _merged(parts, after, None, CHUNK, order)
        yield from events
        if not has_next:
            return
        after = cursor_of(events[-1], order)


def _merged(
    parts: Parts, after: str | None, before: str | None, size: int, order: Sequence[str] = NEWEST_FIRST
) -> tuple[list[AuditEvent], bool, bool]:
    found: dict[uuid.UUID, AuditEvent] = {}
    has_previous = has_next = False
    for rows in parts:
        part, is_previous, is_next = keyset_slice(rows, order=order, size=size, after=after, before=before)
        found |= {event.pk: event for event in part}
        has_previous, has_next = has_previous or is_previous, has_next or is_next
    events = sorted(
        found.values(), key=lambda event: (event.created_at, event.pk), reverse=order == NEWEST_FIRST
    )
    if before:
        return events[-size:], has_previous or len(events) > size, has_next
    return events[:size], has_previous, has_next or len(events) > size


def _neighbour(request: HttpRequest, direction: str, event: AuditEvent) -> str:
    parameters = request.GET.copy()
    for name in ("after", "before"):
        parameters.pop(name, None)
    parameters[direction] = cursor_of(event, NEWEST_FIRST)
    return f"?{parameters.urlencode()}"
