"""Colleagues asked into a running session by e-mail.

An invitation opens the door of one session to whoever signs in with the address that it went to;
the host admits them like anybody else. Every change raises the session's version, so that the
host's page learns of it.
"""

import datetime as dt
import uuid
from dataclasses import dataclass

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.models import Person
from devices.models import DeviceAuthorization
from medimic import crypto
from medimic.audit.log import Origin, record
from medimic.formatting import Dates
from medimic.outbox import registry
from medimic.outbox.mail import enqueue_mail
from sessions_app import alerts, joining, visits
from sessions_app.models import Participant, SessionInvitation, Visit

MAIL = "sessions.invitation"
ADDRESS_PURPOSE = "session-invitation"
# What one session can send: people at the door are asked for one by one.
MOST_INVITATIONS = 30
MOST_SENDINGS = 3
SENT_AGAIN_AFTER = dt.timedelta(minutes=1)


class Refused(Exception):
    """It cannot be done, and why: a sentence for the page."""

    def __init__(self, reason: object) -> None:
        super().__init__(str(reason))
        self.reason = str(reason)


class NotGood(Exception):
    """The link opens nothing: it never did, or does so no more. A stranger is not told which."""


class NotAddressed(Exception):
    """The invitation went to an address that is not this person's, or not verified as theirs."""


def address_hash(email: str) -> str:
    """By which one address is found again, however it is written."""
    return crypto.keyed_hash(ADDRESS_PURPOSE, email.strip().lower())


def invite(visit: Visit, *, email: str, by: Person, origin: Origin) -> SessionInvitation:
    """Ask the holder of an address in; one open invitation for each. Raises `Refused`."""
    with transaction.atomic():
        now = timezone.now()
        _hold_running(visit, now)
        if _is_theirs(by, address_hash(email)):
            raise Refused(_("That is your own address: you host this session."))
        invitations = visit.invitations.all()
        if invitations.filter(email_hash=address_hash(email), state=SessionInvitation.State.OPEN).exists():
            raise Refused(_("That address is invited already. Its mail can be sent again below."))
        if invitations.count() >= MOST_INVITATIONS:
            raise Refused(
                ngettext(
                    "This session has sent %(n)d invitation, and can send no more. Tell others its code.",
                    "This session has sent %(n)d invitations, and can send no more. Tell others its code.",
                    MOST_INVITATIONS,
                )
                % {"n": MOST_INVITATIONS}
            )
        token = crypto.new_token()
        invitation = SessionInvitation.objects.create(
            visit=visit,
            email=email.strip(),
            email_hash=address_hash(email),
            token_hash=crypto.token_hash(token),
            invited_by=by,
            created_at=now,
            sent_at=now,
        )
        _mail(invitation, token)
        _note("sessions.invited", invitation, origin, to=masked(invitation))
    return invitation


def send_again(invitation: SessionInvitation, *, origin: Origin) -> None:
    """Mail it anew, under a new link; a few times, and not at once. Raises `Refused`."""
    with transaction.atomic():
        now = timezone.now()
        invitation = _held(invitation, now)
        if invitation.sendings >= MOST_SENDINGS:
            raise Refused(_("That invitation was sent as often as it can be. Tell them the session's code."))
        if now - invitation.sent_at < SENT_AGAIN_AFTER:
            raise Refused(_("It was sent a moment ago. Wait a minute before you send it again."))
        token = crypto.new_token()
        invitation.send_anew(crypto.token_hash(token), now)
        _mail(invitation, token)
        _note("sessions.invitation_sent_again", invitation, origin, to=masked(invitation))


def withdraw(invitation: SessionInvitation, *, origin: Origin) -> None:
    """Its link opens nothing from here on. Raises `Refused` where it was decided already."""
    with transaction.atomic():
        now = timezone.now()
        invitation = _held(invitation, now)
        invitation.withdraw(now)
        _note("sessions.invitation_withdrawn", invitation, origin, to=masked(invitation))


def decline(token: str, *, origin: Origin) -> SessionInvitation:
    """By whoever has the link: the mail was theirs. Raises `NotGood`."""
    with transaction.atomic():
        invitation = _hold_good(token)
        invitation.decline(timezone.now())
        _note("sessions.invitation_declined", invitation, origin)
    return invitation


@dataclass(frozen=True)
class Link:
    """What a link opens, and for whom: `is_theirs` says whether it went to an address of this reader."""

    invitation: SessionInvitation
    is_theirs: bool


def opened(token: str, person: Person | None) -> Link:
    """Look without taking. Raises `NotGood`."""
    invitation = _find(token)
    if invitation is None or not invitation.is_good(timezone.now()):
        raise NotGood
    return Link(invitation, person is not None and _is_theirs(person, invitation.email_hash))


def accepted_by(token: str, person: Person) -> SessionInvitation | None:
    """The invitation that this person took with this link already."""
    invitation = _find(token)
    return invitation if invitation is not None and invitation.accepted_by_id == person.pk else None


def _hold_good(token: str) -> SessionInvitation:
    """The invitation, for the caller's transaction: nobody else decides it meanwhile. Raises `NotGood`."""
    known = _find(token)
    if known is None:
        raise NotGood
    # The session first, as everywhere: who holds an invitation never waits for its session.
    Visit.objects.select_for_update(no_key=True).get(pk=known.visit_id)
    invitation = _find(token)
    if invitation is None or not invitation.is_good(timezone.now()):
        raise NotGood
    return invitation


def accept(
    token: str, wanted: joining.Joining, *, authorization: DeviceAuthorization, origin: Origin
) -> Participant:
    """Take the invitation with a device of the account that it was sent to: that one waits to be let in.

    Raises `NotGood`, `NotAddressed`, and `Problem` as `joining.join` does.
    """
    with transaction.atomic():
        authorization = visits.locked(authorization)
        person = authorization.account
        invitation = _hold_good(token)
        if person is None or not _is_theirs(person, invitation.email_hash):
            raise NotAddressed
        participant = joining.enter_invited(invitation.visit, wanted, authorization, origin)
        invitation.accept(timezone.now(), by=person, participant=participant)
        _note("sessions.invitation_accepted", invitation, origin)
        alerts.invitation_accepted(invitation)
    return participant


def is_wanted(subject_id: uuid.UUID | None) -> bool:
    """Whether a mail's link is still the invitation's, and good. The subject is the hash's first half."""
    if subject_id is None:
        return False
    found = SessionInvitation.objects.select_related("visit").filter(
        token_hash__gte=subject_id.hex, token_hash__lt=f"{subject_id.hex}g"
    )
    return any(invitation.is_good(timezone.now()) for invitation in found)


def masked(invitation: SessionInvitation) -> str:
    return registry.channel("email").masked(invitation.email)


def _find(token: str) -> SessionInvitation | None:
    return (
        SessionInvitation.objects.select_related("visit", "invited_by")
        .filter(token_hash=crypto.token_hash(token))
        .first()
    )


def _is_theirs(person: Person, wanted: str) -> bool:
    """Whether one of the person's verified addresses is the invited one."""
    addresses = EmailAddress.objects.filter(user=person, verified=True).values_list("email", flat=True)
    return any(address_hash(address) == wanted for address in addresses)


def _hold_running(visit: Visit, now: dt.datetime) -> None:
    fresh = Visit.objects.select_for_update(no_key=True).get(pk=visit.pk)
    if fresh.status(now) is not Visit.Status.ACTIVE:
        raise Refused(_("The session is over: nobody can join it any more."))


def _held(invitation: SessionInvitation, now: dt.datetime) -> SessionInvitation:
    _hold_running(invitation.visit, now)
    fresh = SessionInvitation.objects.select_related("visit", "invited_by").get(pk=invitation.pk)
    if fresh.state != SessionInvitation.State.OPEN:
        raise Refused(_("That invitation was decided already."))
    return fresh


def _note(kind: str, invitation: SessionInvitation, origin: Origin, **details: str) -> None:
    visit = invitation.visit
    visit.bump()
    record(
        kind,
        origin=origin,
        person_id=visit.host_id,
        organization_id=visit.organization_id,
        subject=visit,
        details=details,
    )


def _mail(invitation: SessionInvitation, token: str) -> None:
    """Who invites, and when it began; never what the session is called."""
    visit, host = invitation.visit, invitation.invited_by
    known = EmailAddress.objects.filter(email__iexact=invitation.email, verified=True)
    reader = next((found.user for found in known.select_related("user")[:1]), None)
    dates = Dates.of(reader or host)
    enqueue_mail(
        MAIL,
        to=invitation.email,
        template="sessions/mail/invitation",
        context={
            "host": host.name,
            "began": dates.named(visit.started_at),
            "until": dates.named(visit.expires_at),
            "link": settings.PORTAL_URL + reverse("session_invitation", args=[token]),
        },
        person=reader,
        # Whose link it is: one that was sent anew has another.
        subject_id=uuid.UUID(invitation.token_hash[:32]),
        stale_after=max(visit.expires_at - timezone.now(), dt.timedelta(minutes=1)),
    )
