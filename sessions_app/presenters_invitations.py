"""Invitations to a session as its host reads them."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import pgettext

from medimic.formatting import Dates
from medimic.templatetags.look import icon
from sessions_app.invitations import MOST_INVITATIONS, MOST_SENDINGS
from sessions_app.models import SessionInvitation, Visit

State = SessionInvitation.State
# (class, icon) of the badge of each state
BADGES = {
    State.OPEN: ("is-info", "clock"),
    State.ACCEPTED: ("is-ok", "check"),
    State.DECLINED: ("is-off", "close"),
    State.WITHDRAWN: ("is-off", "stop"),
}


@dataclass(frozen=True, slots=True)
class InvitationLine:
    """One invitation. `sending_url` and `withdrawal_url` are empty where there is nothing to do."""

    email: str
    when: str
    state: str
    badge: str
    icon: SafeString
    sending_url: str
    withdrawal_url: str


def invitation_lines(visit: Visit, dates: Dates) -> list[InvitationLine]:
    """The latest first; one query. An open one of a session that is over has expired with it."""
    is_running = visit.status(timezone.now()) is Visit.Status.ACTIVE
    prefix = reverse("session_invitations", args=[visit.pk])
    lines = []
    for one in visit.invitations.order_by("-created_at", "-id")[:MOST_INVITATIONS]:
        state = State(one.state)
        is_open = state is State.OPEN
        badge, sign = BADGES[state] if is_running or not is_open else ("is-off", "clock")
        label = state.label if is_running or not is_open else pgettext("invitation", "Expired")
        lines.append(
            InvitationLine(
                email=one.email,
                when=dates.relative(one.decided_at or one.sent_at),
                state=str(label),
                badge=badge,
                icon=icon(sign),
                sending_url=f"{prefix}{one.pk}/sending/"
                if is_open and is_running and one.sendings < MOST_SENDINGS
                else "",
                withdrawal_url=f"{prefix}{one.pk}/withdrawal/" if is_open and is_running else "",
            )
        )
    return lines


@dataclass(frozen=True, slots=True)
class RunningLine:
    """A running session to choose, with the address where one invites to it."""

    name: str
    start: str
    url: str


def running_lines(visits: Iterable[Visit], dates: Dates) -> list[RunningLine]:
    prefix = reverse("sessions")
    return [
        RunningLine(one.name, dates.date_time(one.started_at), f"{prefix}{one.pk}/invitations/")
        for one in visits
    ]
