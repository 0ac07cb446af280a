"""What hosts are told of by a push: somebody at the door, an invitation accepted, an end that is near.

The words name nobody and nothing: services and locked screens read them. An alert is dropped if it is
not true any more when it is to be sent.
"""

import datetime as dt
import uuid
from dataclasses import dataclass

from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import Person
from devices.models import PushKind
from devices.push_alerts import alert
from medimic.outbox.registry import register_guard
from sessions_app.models import Participant, SessionInvitation, Visit

# How long what somebody did is news.
NEWS = dt.timedelta(minutes=30)
State = Participant.State


@dataclass(frozen=True)
class Alert:
    """One that hosts get; `message` is the outbox's kind."""

    message: str
    kind: PushKind
    title: Promise
    body: Promise


ASKS = Alert(
    "sessions.participant_asks",
    PushKind.PARTICIPANT_JOINED,
    _("Somebody asks to join your session"),
    _("Open the session to let them in."),
)
JOINED = Alert(
    "sessions.participant_joined",
    PushKind.PARTICIPANT_JOINED,
    _("Participant joined your session"),
    _("They were let in from another of your devices."),
)
ACCEPTED = Alert(
    "sessions.invitation_accepted",
    PushKind.INVITATION_ACCEPTED,
    _("Your invitation to a session was accepted"),
    _("Open the session to let them in."),
)
EXPIRING = Alert(
    "sessions.session_expiring",
    PushKind.SESSION_EXPIRING,
    _("Your session is about to expire"),
    _("It ends by itself within ten minutes."),
)


def register() -> None:
    register_guard(ASKS.message, _waits)
    register_guard(JOINED.message, _takes_part)
    register_guard(ACCEPTED.message, _waits)
    register_guard(EXPIRING.message, _runs)


def asks_to_join(participant: Participant) -> None:
    """Somebody is at the door of a Two-Device session; news for as long as they wait there."""
    if participant.state == State.WAITING and _is_told_of(participant):
        _tell(participant.visit.host, ASKS, participant.visit, participant)


def joined(participant: Participant, *, let_in_on: uuid.UUID) -> None:
    """Somebody takes part in a Two-Device session: the host's other devices stop saying that they wait."""
    if _is_told_of(participant):
        _tell(participant.visit.host, JOINED, participant.visit, participant, at_most=NEWS, but=let_in_on)


def invitation_accepted(invitation: SessionInvitation) -> None:
    """Whoever invited them is told of it; news for as long as they wait at the door."""
    if invitation.participant is not None:
        _tell(invitation.invited_by, ACCEPTED, invitation.visit, invitation.participant)


def expiring(visit: Visit) -> None:
    _tell(visit.host, EXPIRING, visit, visit)


def _is_told_of(participant: Participant) -> bool:
    """Not on one screen, where the host sees who comes; nor of a further device of the host's own."""
    visit = participant.visit
    return visit.mode == Visit.Mode.TWO_DEVICE and participant.person_id != visit.host_id


def _tell(
    person: Person | None,
    what: Alert,
    visit: Visit,
    subject: Participant | Visit,
    *,
    at_most: dt.timedelta = dt.timedelta.max,
    but: uuid.UUID | None = None,
) -> None:
    # A guest who hosts is told of nothing: alerts go to those who signed in.
    if person is None:
        return
    alert(
        person,
        what.kind,
        message=what.message,
        title=what.title,
        body=what.body,
        session_id=visit.pk,
        subject_id=subject.pk,
        path=reverse("session_detail", args=[visit.pk]),
        # Of one participant there is one alert: that they joined takes the place of that they wait.
        collapse=str(subject.pk),
        stale_after=min(visit.expires_at - timezone.now(), at_most),
        but=but,
    )


# --- Whether it is still true --------------------------------------------------------------


def _waits(participant_id: uuid.UUID | None) -> bool:
    return _is_present(participant_id, State.WAITING)


def _takes_part(participant_id: uuid.UUID | None) -> bool:
    return _is_present(participant_id, State.ADMITTED)


def _is_present(participant_id: uuid.UUID | None, state: State) -> bool:
    if participant_id is None:
        return False
    running = Visit.objects.active(timezone.now())
    return Participant.objects.filter(
        pk=participant_id, state=state, left_at=None, visit__in=running
    ).exists()


def _runs(visit_id: uuid.UUID | None) -> bool:
    return visit_id is not None and Visit.objects.active(timezone.now()).filter(pk=visit_id).exists()
