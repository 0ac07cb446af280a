"""The browsers in which a person is signed in.

allauth keeps a row for each; whether it lives, Django's own session says.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from accounts import time_outs
from accounts.models import Person
from medimic import crypto

REFERENCE_LENGTH = 32


def living(person: Person) -> QuerySet[UserSession]:
    """The person's sign-ins that have not ended, the latest used first."""
    alive = Session.objects.filter(session_key=OuterRef("session_key"), expire_date__gt=timezone.now())
    return UserSession.objects.filter(Exists(alive), user=person).order_by("-last_seen_at", "-pk")


@dataclass(frozen=True)
class SignIn:
    """A browser that is signed in, and what its sign-in holds."""

    row: UserSession
    data: Mapping[str, Any]


def open_now(person: Person) -> list[SignIn]:
    """Those that count, the latest used first: neither ended, nor unused for too long. Two queries."""
    rows = list(living(person))
    sessions = Session.objects.filter(session_key__in=[row.session_key for row in rows])
    data = {session.session_key: session.get_decoded() for session in sessions}
    found = [SignIn(row, data.get(row.session_key, {})) for row in rows]
    return [one for one in found if one.data and not time_outs.over(one.data, is_staff=person.is_staff)]


def reference(sign_in: UserSession) -> str:
    """What names a sign-in in addresses: tells neither its key nor how many there are."""
    return crypto.keyed_hash("sign-in", sign_in.session_key)[:REFERENCE_LENGTH]


def find(person: Person, name: str) -> UserSession | None:
    """The person's living sign-in of this reference."""
    return next((sign_in for sign_in in living(person) if reference(sign_in) == name), None)


def end(sign_in: UserSession) -> None:
    """Sign one browser out."""
    with transaction.atomic():
        Session.objects.filter(session_key=sign_in.session_key).delete()
        sign_in.delete()


def end_all(person: Person, *, but: str | None = None) -> None:
    """Sign all of a person's browsers out, but for the one with this session key."""
    rows = UserSession.objects.filter(user=person)
    if but is not None:
        rows = rows.exclude(session_key=but)
    with transaction.atomic():
        Session.objects.filter(session_key__in=rows.values("session_key")).delete()
        rows.delete()
