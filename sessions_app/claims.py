"""A guest who signed up takes along the sessions that they started without an account.

Proven by a token of that guest: knowing the device's identifier, or merely signing in on
the device, brings nothing. What those sessions used stays charged to the guest's quota:
moved to the account, a claim would hand the device three more.
"""

import uuid
from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from devices import guests, tokens
from devices.models import DeviceAuthorization, Token
from medimic.audit.log import Origin, record
from sessions_app import news
from sessions_app.models import Envelope, Participant, Visit


@dataclass(frozen=True)
class Claimed:
    """A session that is the account's from now on; with a new session token while it is active."""

    session_id: uuid.UUID
    session_token: str | None = field(repr=False)


def claim(guest_token: str, *, caller: Token, origin: Origin) -> list[Claimed]:
    """Make the sessions that a guest started on this device the caller's account's.

    The guest's tokens end with it, so that nobody after the account reaches these sessions
    by them. A call whose answer was lost can be repeated as it was: it finds the same
    sessions. Raises `Problem` 403 `account_needed` or `guest_token_refused`.
    """
    with transaction.atomic():
        guest, ended = guests.give_way(guest_token, to=caller)
        taken = _take(guest, caller.authorization)
        if ended or taken:
            record(
                "sessions.claimed",
                origin=origin,
                person_id=caller.authorization.account_id,
                subject=guest,
                details={"sessions": taken, "device": caller.authorization.title},
            )
        return _claimed(guest, caller)


def _take(guest: DeviceAuthorization, by: DeviceAuthorization) -> int:
    account = by.account
    theirs = Visit.objects.filter(authorization=guest, host=None)
    _take_envelopes(theirs, guest, by)
    # The host, and who speaks on the same screen: what they wrote is delivered from the account's now.
    Participant.objects.filter(visit__in=theirs, authorization=guest).update(authorization=by)
    hosts = Participant.objects.filter(visit__in=theirs, is_host=True, person=None)
    hosts.filter(name="").update(name=account.name if account else "")
    hosts.update(person=account)
    taken = list(theirs.values_list("pk", flat=True))
    theirs.update(host=account)
    # By now each has its host, whom it is told to.
    news.session_changed(*Visit.objects.filter(pk__in=taken))
    return len(taken)


def _take_envelopes(visits: QuerySet[Visit], guest: DeviceAuthorization, by: DeviceAuthorization) -> None:
    """The keys to their transcripts: they stay wrapped for the guest's key, which the device still has."""
    wrapped = Envelope.objects.filter(visit__in=visits, person=None, authorization=guest)
    own = Envelope.objects.filter(
        visit=OuterRef("visit"), thumbprint=OuterRef("thumbprint"), person=by.account
    )
    wrapped.filter(Exists(own)).delete()
    wrapped.update(person=by.account, authorization=by)


def _claimed(guest: DeviceAuthorization, caller: Token) -> list[Claimed]:
    mine, now = caller.authorization, timezone.now()
    visits = Visit.objects.filter(authorization=guest, host=mine.account).order_by("started_at", "id")
    active = {visit.pk for visit in visits if visit.status(now) is Visit.Status.ACTIVE}
    return [
        Claimed(visit.pk, _session_token(visit, caller) if visit.pk in active else None) for visit in visits
    ]


def _session_token(visit: Visit, caller: Token) -> str:
    """In place of the guest's, which has ended; one that nobody used came with an answer that was lost."""
    lost = caller.authorization.tokens.filter(
        kind=Token.Kind.SESSION, session_id=visit.pk, first_used_at=None, ended_at=None
    )
    lost.update(ended_at=timezone.now())
    return tokens.issue_session_token(
        caller.authorization, visit.pk, visit.hosting.pk, visit.expires_at, caller.bound_to
    )
