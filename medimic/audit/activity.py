"""A person's own part of the log, in words."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.http import HttpRequest
from django.utils.translation import gettext as _

from medimic import agents
from medimic.audit.forms import Wanted
from medimic.audit.models import ActorKind, AuditEvent
from medimic.audit.presenters import sentence
from medimic.audit.reading import Parts, page_of_parts
from medimic.formatting import Dates
from medimic.network import UNKNOWN_ADDRESS
from medimic.pagination import Page

FEW_KINDS = 4


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the page."""

    what: str
    when: str
    ago: str
    who: str
    address: str
    agent: str
    is_by_staff: bool


def page_for(request: HttpRequest, wanted: Wanted) -> Page[AuditEvent]:
    """The page of the events that concern the signed-in person or that they caused, newest first."""
    return page_of_parts(request, parts_of(request.user, wanted))


def parts_of(person: Any, wanted: Wanted) -> Parts:
    concerned = AuditEvent.objects.filter(person_id=person.pk)
    caused = AuditEvent.objects.filter(actor_id=person.pk)
    return narrowed((concerned, caused), wanted)


def narrowed(parts: Parts, wanted: Wanted) -> Parts:
    """Of a few kinds, each is read along its own index; of many, most of the rows are wanted anyway."""
    if wanted.since:
        parts = [rows.filter(created_at__gte=wanted.since) for rows in parts]
    if wanted.until:
        parts = [rows.filter(created_at__lt=wanted.until) for rows in parts]
    if wanted.kinds is None:
        return parts
    if not wanted.kinds:
        return [AuditEvent.objects.none()]
    if len(wanted.kinds) > FEW_KINDS:
        return [rows.filter(kind__in=wanted.kinds) for rows in parts]
    return [rows.filter(kind=kind) for rows in parts for kind in wanted.kinds]


def rows_for(person: Any, events: Iterable[AuditEvent]) -> list[Row]:
    """The events as this person reads them; one query, for the names of others."""
    events = list(events)
    dates = Dates.of(person)
    names = _names({event.actor_id for event in events if event.actor_id not in (None, person.pk)})
    return [
        Row(
            what=sentence(event),
            when=dates.date_time(event.created_at),
            ago=dates.relative(event.created_at),
            who=_who(event, person.pk, names),
            address=event.address if event.address != UNKNOWN_ADDRESS else "",
            agent=agents.in_words(event.agent),
            is_by_staff=event.actor_kind == ActorKind.STAFF,
        )
        for event in events
    ]


def _who(event: AuditEvent, person_id: uuid.UUID, names: dict[uuid.UUID, str]) -> str:
    if event.actor_kind == ActorKind.STAFF:
        return _("Support")
    if event.actor_id == person_id:
        return _("You, by a device") if event.actor_kind == ActorKind.DEVICE else _("You")
    if event.actor_id in names:
        return names[event.actor_id]
    return str(ActorKind(event.actor_kind).label) if event.actor_kind in ActorKind.values else ""


def _names(ids: set[uuid.UUID | None]) -> dict[uuid.UUID, str]:
    return {pk: str(person) for pk, person in get_user_model()._default_manager.in_bulk(list(ids)).items()}
