"""Who takes part, as each of them may see it."""

import datetime as dt
from typing import Any

from django.http import Http404
from django.utils import timezone

from devices.models import Token
from sessions_app.models import Participant, SessionInvitation, Visit


def own_part(token: Token) -> Participant:
    """The participant that a session token speaks for, with the session; one query."""
    if token.participant_id is None:
        raise Http404
    own = Participant.objects.select_related("visit").filter(pk=token.participant_id).first()
    if own is None:
        raise Http404
    return own


def etag(own: Participant, at: dt.datetime) -> str:
    """What changes whenever the answer would: of who is not admitted, that is their own row alone."""
    if own.state == Participant.State.ADMITTED:
        return f'"{own.visit.version}"'
    return f'"{own.version}-{own.visit.status(at)}"'


def seen_by(own: Participant) -> dict[str, Any]:
    """`RosterOut`, or `WaitingOut` of who is not admitted."""
    if own.state != Participant.State.ADMITTED:
        return _waiting(own)
    visit = own.visit
    rows = visit.participants.order_by("joined_at", "id")
    if not own.is_host:
        rows = rows.filter(state=Participant.State.ADMITTED)
    return {
        "session": _session(visit),
        "participants": [
            line(one, is_you=one.authorization_id == own.authorization_id, for_host=own.is_host)
            for one in rows
        ],
        "invitations": _invitations(visit) if own.is_host else None,
    }


def line(one: Participant, *, is_you: bool, for_host: bool = False) -> dict[str, Any]:
    """One of them, as `ParticipantOut`; the host sees the handshake of who waits."""
    out = {
        "id": one.pk,
        "name": one.name,
        "role": one.role,
        "is_host": one.is_host,
        "state": one.state,
        "joined_at": one.joined_at,
        "left_at": one.left_at,
        "is_you": is_you,
        "reserved_up_to": one.reserved_up_to if is_you else None,
    }
    if for_host and one.state == Participant.State.WAITING and one.left_at is None:
        out |= {
            "commitment": one.commitment,
            "host_key": one.host_key,
            "host_nonce": one.host_nonce or None,
            "public_key": one.public_key,
            "nonce": one.nonce or None,
        }
    return out


def _waiting(own: Participant) -> dict[str, Any]:
    return {
        "session": {"status": own.visit.status(timezone.now())},
        "participant": {
            "id": own.pk,
            "state": own.state,
            "host_name": own.visit.hosting.name,
            "host_key": own.host_key,
            "host_nonce": own.host_nonce or None,
        },
    }


def _session(visit: Visit) -> dict[str, Any]:
    return {
        "status": visit.status(timezone.now()),
        "expires_at": visit.expires_at,
        "version": visit.version,
        "name": visit.name,
        "code": visit.code,
        "mode": visit.mode,
    }


def _invitations(visit: Visit) -> list[SessionInvitation]:
    return list(SessionInvitation.objects.filter(visit=visit).order_by("created_at", "id"))
