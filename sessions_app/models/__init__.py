"""The tables of sessions."""

from sessions_app.models.invitations import SessionInvitation
from sessions_app.models.transcripts import Envelope, KeyRequest, Segment
from sessions_app.models.visits import Participant, Visit, VisitQuerySet

__all__ = [
    "Envelope",
    "KeyRequest",
    "Participant",
    "Segment",
    "SessionInvitation",
    "Visit",
    "VisitQuerySet",
]
