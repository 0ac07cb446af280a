"""An organization's part of the audit log: which rows it has, how they read, and what a file of them holds.

Sign-ins are not among them: they carry no organization, and belong to the person's own log. Of
sessions there are the beginning and the end, by whoever hosts them: who joined one is what an
admin must not learn.
"""

import datetime as dt
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.db.models import Q, QuerySet
from django.utils.translation import gettext

from accounts.models import Person
from medimic import agents
from medimic.audit.models import ActorKind, AuditEvent
from medimic.audit.presenters import registered_kinds, sentence, title
from medimic.audit.reading import Parts
from medimic.formatting import Dates
from medimic.network import UNKNOWN_ADDRESS
from orgs.models import Organization

SESSIONS = "sessions."
SHOWN_OF_SESSIONS = ("sessions.started", "sessions.ended")
# Beside all of `orgs`: what other apps note in an organization's name.
OF_OTHERS = (
    *SHOWN_OF_SESSIONS,
    "devices.link_issued",
    "devices.link_issued_anew",
    "devices.link_sent",
    "devices.revoked",
    "devices.allowed_again",
    "devices.bulk_revoked",
)
THEIRS = ("orgs.", "devices.fleet", "devices.pool", "devices.polic", "billing.")


@dataclass(frozen=True)
class Wanted:
    """What the log is narrowed down to. `people` is None for everybody, and empty for nobody."""

    people: tuple[uuid.UUID, ...] | None = None
    kind: str = ""
    since: dt.datetime | None = None
    until: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the page, or of a file."""

    at: dt.datetime
    kind: str
    what: str
    when: str
    ago: str
    who: str
    whom: str
    address: str
    agent: str


def events_of(organization: Organization) -> QuerySet[AuditEvent]:
    """All that the organization's admins may read."""
    hidden = Q(kind__startswith=SESSIONS) & ~Q(kind__in=SHOWN_OF_SESSIONS)
    return AuditEvent.objects.filter(organization_id=organization.pk).exclude(hidden)


def parts_of(organization: Organization, wanted: Wanted) -> Parts:
    """The rows wanted: for people, those that they caused and those that concern them."""
    rows = events_of(organization)
    if wanted.kind:
        rows = rows.filter(kind=wanted.kind)
    if wanted.since:
        rows = rows.filter(created_at__gte=wanted.since)
    if wanted.until:
        rows = rows.filter(created_at__lt=wanted.until)
    if wanted.people is None:
        return (rows,)
    return (rows.filter(actor_id__in=wanted.people), rows.filter(person_id__in=wanted.people))


def kinds() -> list[tuple[str, str]]:
    """What can happen in an organization, by its name in the reader's language."""
    found = [kind for kind in registered_kinds() if kind.startswith(THEIRS) or kind in OF_OTHERS]
    return sorted(((kind, title(kind)) for kind in found), key=lambda choice: choice[1])


def rows_for(reader: Person, events: Iterable[AuditEvent]) -> list[Row]:
    """The events as an admin reads them; one query, for the names."""
    events = list(events)
    dates = Dates.of(reader)
    names = _names({event.actor_id for event in events} | {event.person_id for event in events})
    return [
        Row(
            at=event.created_at,
            kind=event.kind,
            what=sentence(event),
            when=dates.date_time(event.created_at),
            ago=dates.relative(event.created_at),
            who=_who(event, names),
            whom=names.get(event.person_id, "") if event.person_id != event.actor_id else "",
            address=event.address if event.address != UNKNOWN_ADDRESS else "",
            agent=agents.in_words(event.agent),
        )
        for event in events
    ]


HEADER = ("time", "kind", "what", "by", "by_id", "concerns", "concerns_id", "object", "object_id", "address")


def records(reader: Person, events: Iterator[AuditEvent], *, chunk: int = 500) -> Iterator[dict[str, str]]:
    """The events as a file holds them: instants in UTC, ids beside names, which are asked by the chunk."""
    for batch in _batches(events, chunk):
        for event, row in zip(batch, rows_for(reader, batch), strict=True):
            yield dict(
                zip(
                    HEADER,
                    (
                        event.created_at.astimezone(dt.UTC).isoformat(timespec="milliseconds"),
                        event.kind,
                        row.what,
                        row.who,
                        # Support acts as support, not as one of its people.
                        str(event.actor_id or "") if event.actor_kind != ActorKind.STAFF else "",
                        row.whom,
                        str(event.person_id or ""),
                        event.object_type,
                        event.object_id,
                        row.address,
                    ),
                    strict=True,
                )
            )


def _batches(events: Iterator[AuditEvent], size: int) -> Iterator[list[AuditEvent]]:
    batch: list[AuditEvent] = []
    for event in events:
        batch.append(event)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _who(event: AuditEvent, names: dict[uuid.UUID | None, str]) -> str:
    if event.actor_kind == ActorKind.STAFF:
        return gettext("Support")
    if event.actor_id in names:
        return names[event.actor_id]
    return str(ActorKind(event.actor_kind).label) if event.actor_kind in ActorKind.values else ""


def _names(ids: set[uuid.UUID | None]) -> dict[uuid.UUID | None, str]:
    people = Person.objects.filter(pk__in=[pk for pk in ids if pk]).only(
        "first_name", "last_name", "display_name", "email"
    )
    return {person.pk: person.name for person in people}
