"""A person's own part of the log, in words."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.http import HttpRequest
from django.utils.translation import gettext as _

from medimic import agents
from medimic.audit.models import ActorKind, AuditEvent
from medimic.audit.presenters import sentence
from medimic.audit.reading import page_of_parts
from medimic.formatting import Dates
from medimic.network import UNKNOWN_ADDRESS
from medimic.pagination import Page


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the page."""

    what: str
    when: str
    ago: str
    who: str
    address: str
    agent: str


def page_for(request: HttpRequest) -> Page[AuditEvent]:
    """The page of the events that concern the signed-in person or that they caused, newest first."""
    concerned = AuditEvent.objects.filter(person_id=request.user.pk)
    caused = AuditEvent.objects.filter(actor_id=request.user.pk)
    return page_of_parts(request, (concerned, caused))


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
