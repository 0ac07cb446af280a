"""Who takes part, as each of them may see it."""

from typing import Any

from django.http import Http404
from django.utils import timezone

from devices.models import Token
from sessions_app.models import Participant, SessionInvitation, Visit


def seen_by(token: Token) -> dict[str, Any]:
    """`RosterOut` for whom a session token speaks, or `WaitingOut` where they are not admitted."""
    rows = Participant.objects.select_related("visit")
    own = rows.filter(pk=token.participant_id).first() if token.participant_id else None
    if own is None:
        raise Http404
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
