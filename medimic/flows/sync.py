"""What a device knows of its account, brought up to date: all of it at first, then what changed.

A first round reads the things themselves, the sessions page by page, and notes before that how far
the account's feed has come; from there on, the feed tells what changed. So nothing has to be
written for what was there before a device asked, and nothing that changes during a long first round
is missed: it comes after it. Each call costs the same, however much there is.

Of the feed only the names are taken. What a thing looks like is read anew, through what the account
may see at this moment: a change that was noted late, twice or wrongly gives nothing away.
"""

import re
import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from allauth.account.models import EmailAddress
from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Person
from medimic.changes import feeds
from medimic.changes.models import Kind
from medimic.pagination import Place
from medimic.problems import Problem
from orgs import fhir
from orgs.models import Enrollment, Invitation, Membership, QuestionnaireVersion
from orgs.models.invitations import email_hash
from sessions_app import history
from sessions_app.models import Visit

PAGE_SIZE = 100
SESSIONS_AT_ONCE = 50
# Whose feed, where in it, and on a first round behind which session.
CURSOR = re.compile(r"([0-9a-f]{8})\.([0-9]{1,18})(?:\.([A-Za-z0-9_-]{1,400}))?")

Ids = Collection[uuid.UUID] | None
Found = dict[uuid.UUID, dict[str, Any]]


@dataclass
class Round:
    """One answer: things by their kind, what went, and where to go on."""

    cursor: str
    is_first: bool
    has_more: bool
    found: dict[Kind, list[dict[str, Any]]] = field(default_factory=dict)
    gone: list[tuple[Kind, uuid.UUID]] = field(default_factory=list)


def next_round(person: Person, cursor: str) -> Round:
    """What comes behind that cursor; without one, from the beginning.

    Raises `Problem` 410 `cursor_unknown` for one that this database did not give out.
    """
    head = feeds.position_of(person.pk)
    if not cursor:
        return _first_round(person, head, "", head)
    known = CURSOR.fullmatch(cursor)
    if known is None or known[1] != _mark(person) or int(known[2]) > head:
        # The device is another account's now, or a backup was restored and what it knows is of the
        # time that was lost.
        raise _unknown()
    position, after = int(known[2]), known[3]
    return _first_round(person, position, after, head) if after else _changes(person, position)


def _first_round(person: Person, position: int, after: str, head: int) -> Round:
    try:
        part = history.part_of(
            person.pk, history.Wanted(timezone.now()), size=SESSIONS_AT_ONCE, place=Place(after=after)
        )
    except Http404:
        raise _unknown() from None
    # Behind its end waits what changed while it went on.
    answer = Round(_cursor(person, position), is_first=True, has_more=part.has_next or head > position)
    if part.has_next:
        answer.cursor = _cursor(person, position, part.edges[1])
    answer.found[Kind.SESSION] = [_session(visit, person) for visit in part.visits]
    if not after:
        for kind, read in READERS.items():
            if kind is not Kind.SESSION:
                answer.found[kind] = list(read(person, None).values())
    return answer


def _changes(person: Person, position: int) -> Round:
    changes = feeds.since(person.pk, position, PAGE_SIZE + 1)
    shown = changes[:PAGE_SIZE]
    answer = Round(
        _cursor(person, shown[-1].position if shown else position),
        is_first=False,
        has_more=len(changes) > PAGE_SIZE,
    )
    for kind, read in READERS.items():
        ids = [change.object_id for change in shown if change.kind == kind]
        if ids:
            found = read(person, ids)
            answer.found[kind] = [found[pk] for pk in ids if pk in found]
            answer.gone += [(kind, pk) for pk in ids if pk not in found]
    return answer


def _cursor(person: Person, position: int, after: str = "") -> str:
    place = f"{_mark(person)}.{position}"
    return f"{place}.{after}" if after else place


def _mark(person: Person) -> str:
    return person.pk.hex[:8]


def _unknown() -> Problem:
    return Problem(410, "cursor_unknown", _("This place is not known here. Begin anew, without a cursor."))


def _sessions(person: Person, ids: Ids) -> Found:
    visible = Visit.objects.visible_to(person).filter(pk__in=ids or ()).distinct()
    return {visit.pk: _session(visit, person) for visit in visible}


def _session(visit: Visit, person: Person) -> dict[str, Any]:
    return {
        "id": visit.pk,
        "name": visit.name,
        "code": visit.code,
        "mode": visit.mode,
        "status": visit.status(timezone.now()),
        "is_host": visit.host_id == person.pk,
        "organization_id": visit.organization_id,
        "started_at": visit.started_at,
        "expires_at": visit.expires_at,
        "ended_at": visit.ended_at,
    }


def _organizations(person: Person, ids: Ids) -> Found:
    rows = Membership.objects.living().filter(person=person).select_related("organization")
    if ids is not None:
        rows = rows.filter(organization__in=ids)
    return {
        row.organization_id: {
            "id": row.organization_id,
            "name": row.organization.name,
            "role": row.role,
            "joined_at": row.created_at,
        }
        for row in rows.order_by("created_at", "id")
    }


def _invitations(person: Person, ids: Ids) -> Found:
    """Those to an address that the person has proved to be theirs. Accepting takes the mailed link."""
    addresses = EmailAddress.objects.filter(user=person, verified=True).values_list("email", flat=True)
    hashes = [email_hash(address) for address in addresses]
    rows = Invitation.objects.good().filter(email_hash__in=hashes).select_related("organization")
    if ids is not None:
        rows = rows.filter(pk__in=ids)
    return {
        row.pk: {
            "id": row.pk,
            "organization": row.organization.name,
            "role": row.role,
            "sent_at": row.sent_at,
            "expires_at": row.expires_at,
        }
        for row in rows.defer("email").order_by("sent_at", "id")
    }


def _enrollments(person: Person, ids: Ids) -> Found:
    rows = Enrollment.objects.living().of(person).select_related("membership")
    if ids is not None:
        rows = rows.filter(pk__in=ids)
    return {
        row.pk: {
            "id": row.pk,
            "organization_id": row.membership.organization_id,
            "questionnaire_id": row.questionnaire_id,
            "enrolled_at": row.created_at,
        }
        for row in rows.order_by("created_at", "id")
    }


def _questionnaires(person: Person, ids: Ids) -> Found:
    """What is given out to the person, each in the version that is."""
    mine = Enrollment.objects.living().of(person).values("questionnaire")
    rows = QuestionnaireVersion.objects.active().filter(questionnaire__in=mine)
    if ids is not None:
        rows = rows.filter(questionnaire__in=ids)
    return {
        row.questionnaire_id: {
            "id": row.questionnaire_id,
            "canonical": row.canonical,
            "resource": fhir.resource(row),
        }
        for row in rows.order_by("published_at", "id")
    }


READERS: dict[Kind, Callable[[Person, Ids], Found]] = {
    Kind.SESSION: _sessions,
    Kind.ORGANIZATION: _organizations,
    Kind.INVITATION: _invitations,
    Kind.ENROLLMENT: _enrollments,
    Kind.QUESTIONNAIRE: _questionnaires,
}
