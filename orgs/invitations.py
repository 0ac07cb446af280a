"""Invitations to an organization: sent, sent again, withdrawn, accepted, declined.

A link opens its invitation to whoever has it, and lets in whoever has proved the address that it
went to: by a verified address, or by signing up with the link itself. What a link does not open
answers as a link that nobody ever had.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from allauth.account.models import EmailAddress
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, pgettext_lazy

from accounts.models import Person
from medimic.audit.log import Origin, record
from medimic.outbox import registry
from orgs import memberships, news, notices
from orgs.models import Invitation, Membership, Organization
from orgs.models.invitations import email_hash

SENT_AGAIN_AFTER = dt.timedelta(minutes=5)
# Whoever declines, or is let go, is not to be written to over and over.
MOST_TO_ONE_ADDRESS_A_DAY = 3
MOST_A_DAY = 1000
MOST_A_DAY_ON_TRIAL = 50


class Refused(Exception):
    """It cannot be done; why, in a sentence for the page."""


class NotGood(Exception):
    """The link opens nothing: never did, or does so no more."""


class NotAddressed(Exception):
    """The invitation went to an address that this person has not proved to be theirs."""


class Prospect(models.TextChoices):
    """What inviting an address would come to."""

    INVITE = "invite", pgettext_lazy("line of a list", "Will be invited")
    MEMBER = "member", pgettext_lazy("line of a list", "Already a member")
    INVITED = "invited", pgettext_lazy("line of a list", "Already invited")
    ENOUGH = "enough", pgettext_lazy("line of a list", "Invited too often today")


REFUSALS = {
    Prospect.MEMBER: _("This person is a member already. Their role is changed in the list of members."),
    Prospect.INVITED: _("This address is invited already. Its mail can be sent again under Invitations."),
    Prospect.ENOUGH: _("This address was invited several times today. Try again tomorrow."),
}


@dataclass(frozen=True)
class Wish:
    """Somebody to invite."""

    email: str
    role: str
    # Whether accepting may add a paid seat.
    adds_seat: bool = False


def prospects(organization: Organization, emails: Iterable[str]) -> dict[str, Prospect]:
    """What inviting each of these addresses would come to; three queries, however many they are."""
    by_hash = {email_hash(email): email for email in emails}
    found = dict.fromkeys(by_hash.values(), Prospect.INVITE)
    since = timezone.now() - dt.timedelta(days=1)
    ours = Invitation.objects.filter(organization=organization, email_hash__in=by_hash)
    recent = ours.filter(created_at__gt=since).values("email_hash").annotate(n=models.Count("pk")).order_by()
    for hashed, number in recent.values_list("email_hash", "n"):
        if number >= MOST_TO_ONE_ADDRESS_A_DAY:
            found[by_hash[hashed]] = Prospect.ENOUGH
    for hashed in ours.open().values_list("email_hash", flat=True):
        found[by_hash[hashed]] = Prospect.INVITED
    members = organization.memberships.living().filter(
        person__email__in=[email.lower() for email in by_hash.values()]
    )
    for email in members.values_list("person__email", flat=True):
        found[by_hash[email_hash(email or "")]] = Prospect.MEMBER
    return found


def invite(
    *, organization: Organization, wish: Wish, by: Person, origin: Origin, most_a_day: int = MOST_A_DAY
) -> Invitation:
    """Ask the holder of one address in. Raises `Refused`, and `PermissionDenied` from somebody
    who is no admin any more."""
    with transaction.atomic():
        prospect, sent = _invite(organization, [wish], by, origin, most_a_day)
        if not sent:
            raise Refused(str(REFUSALS[prospect[wish.email]]))
    return sent[0]


def invite_all(
    *,
    organization: Organization,
    wishes: list[Wish],
    by: Person,
    origin: Origin,
    most_a_day: int = MOST_A_DAY,
) -> list[Invitation]:
    """Ask all in who can be asked, in one transaction; the others are passed over. Raises as `invite`."""
    with transaction.atomic():
        return _invite(organization, wishes, by, origin, most_a_day)[1]


def _invite(
    organization: Organization, wishes: list[Wish], by: Person, origin: Origin, most_a_day: int
) -> tuple[dict[str, Prospect], list[Invitation]]:
    organization = organization.lock()
    memberships.require_admin(organization, by)
    found = prospects(organization, [wish.email for wish in wishes])
    able = [wish for wish in wishes if found[wish.email] is Prospect.INVITE]
    _require_room(organization, len(able), most_a_day)
    sent = [_send(organization, wish, by, origin) for wish in able]
    news.invitation_changed(*sent)
    return found, sent


def _require_room(organization: Organization, number: int, most_a_day: int) -> None:
    since = timezone.now() - dt.timedelta(days=1)
    if organization.invitations.filter(created_at__gt=since).count() + number > most_a_day:
        raise Refused(
            ngettext(
                "An organization like yours can invite %(n)d person a day. Go on tomorrow.",
                "An organization like yours can invite %(n)d people a day. Go on tomorrow.",
                most_a_day,
            )
            % {"n": most_a_day}
        )


def _send(organization: Organization, wish: Wish, by: Person, origin: Origin) -> Invitation:
    invitation = Invitation(
        organization=organization,
        email=wish.email,
        role=wish.role,
        invited_by=by,
        adds_seat=wish.adds_seat and wish.role in Membership.WORKING_ROLES,
    )
    token = invitation.renew()
    invitation.save()
    notices.invited(invitation, token)
    _note("orgs.invited", invitation, origin)
    return invitation


def send_again(*, invitation: Invitation, by: Person, origin: Origin) -> None:
    """Mail it anew; the link of before opens nothing any more. Raises as `invite`."""
    with transaction.atomic():
        organization = invitation.organization.lock()
        memberships.require_admin(organization, by)
        fresh = organization.invitations.open().filter(pk=invitation.pk).first()
        if fresh is None:
            raise Refused(str(_("This invitation is settled.")))
        if timezone.now() - fresh.sent_at < SENT_AGAIN_AFTER:
            raise Refused(str(_("It was sent a moment ago. Wait five minutes before you send it again.")))
        fresh.organization = organization
        notices.invited(fresh, fresh.renew())
        _note("orgs.invitation_sent_again", fresh, origin)
        news.invitation_changed(fresh)


def withdraw(*, invitation: Invitation, by: Person, origin: Origin) -> bool:
    """Its link opens nothing from here on; False if it was settled before."""
    with transaction.atomic():
        memberships.require_admin(invitation.organization.lock(), by)
        fresh = Invitation.objects.get(pk=invitation.pk)
        if not fresh.withdraw():
            return False
        _note("orgs.invitation_withdrawn", fresh, origin)
        news.invitation_changed(fresh)
        return True


def opened(token: str) -> Invitation:
    """What a link opens. Raises `NotGood`."""
    good = Invitation.objects.good().with_token(token)
    invitation = good.select_related("organization", "invited_by").first()
    if invitation is None:
        raise NotGood
    return invitation


def accepted_by(token: str, person: Person) -> Membership | None:
    """The membership that this person, and nobody else, had by this link."""
    used = Invitation.objects.with_token(token).filter(accepted_by=person)
    living = Membership.objects.living().filter(person=person, organization__in=used.values("organization"))
    return living.select_related("organization").first()


def is_addressed_to(invitation: Invitation, person: Person) -> bool:
    """Whether it went to an address that the person has proved to be theirs."""
    return EmailAddress.objects.filter(user=person, verified=True, email__iexact=invitation.email).exists()


def accept(*, token: str, person: Person, origin: Origin) -> Membership:
    """Let the person in, once. Raises `NotGood`, `NotAddressed`."""
    with transaction.atomic():
        invitation = opened(token)
        organization = invitation.organization.lock()
        if not is_addressed_to(invitation, person):
            raise NotAddressed
        if not invitation.accept(person):
            raise NotGood
        membership = memberships.add(
            organization=organization, person=person, role=invitation.role, origin=origin
        )
        notices.accepted(invitation, membership)
        news.invitation_changed(invitation)
    return membership


def decline(*, token: str, origin: Origin) -> Invitation:
    """By whoever has the link: the mail was theirs. Raises `NotGood`."""
    with transaction.atomic():
        invitation = opened(token)
        invitation.organization.lock()
        if not invitation.decline():
            raise NotGood
        _note("orgs.invitation_declined", invitation, origin)
        news.invitation_changed(invitation)
    return invitation


def masked(email: str) -> str:
    """As the audit log names an address."""
    return registry.channel("email").masked(email)


def _note(kind: str, invitation: Invitation, origin: Origin) -> None:
    record(
        kind,
        origin=origin,
        organization_id=invitation.organization_id,
        subject=invitation,
        details={"to": masked(invitation.email), "role": invitation.role},
    )
