"""What people are told by mail about an organization that they belong to, or are to belong to."""

from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import translation

from accounts.models import Person
from medimic.formatting import Dates
from medimic.outbox.mail import enqueue_mail
from orgs.models import Invitation, Membership, Organization

INVITATION = "orgs.invitation"
ACCEPTED = "orgs.invitation_accepted"


def invited(invitation: Invitation, token: str) -> None:
    """The invitation itself; to somebody who has an account, in their language.

    The mail is the same either way: who invites can not tell from it whether there is an account.
    """
    person = Person.objects.filter(email=invitation.email).first()
    dates = Dates.of(person or invitation.invited_by)
    with translation.override(person.language if person else translation.get_language()):
        role = str(Membership.Role(invitation.role).label)
    enqueue_mail(
        INVITATION,
        to=invitation.email,
        template="organizations/mail/invitation",
        context={
            "organization": invitation.organization.name,
            "by": invitation.invited_by.name,
            "role": role,
            "is_patient": invitation.role == Membership.Role.PATIENT,
            "url": settings.PORTAL_URL + reverse("invitation", args=[token]),
            "until": dates.named(invitation.expires_at),
            "email": invitation.email,
        },
        person=person,
        subject_id=invitation.sending,
        stale_after=invitation.expires_at - invitation.sent_at,
    )


def accepted(invitation: Invitation, membership: Membership) -> None:
    """To whoever invited, as long as they are still an admin there."""
    organization = membership.organization
    if not organization.memberships.admins().filter(person=invitation.invited_by).exists():
        return
    _tell(
        invitation.invited_by,
        ACCEPTED,
        "organizations/mail/accepted",
        organization,
        {"name": membership.person.name, "role": membership.role},
    )


def role_changed(person: Person, organization: Organization, role: str) -> None:
    _tell(person, "orgs.role_changed", "organizations/mail/role_changed", organization, {"role": role})


def removed(person: Person, organization: Organization) -> None:
    _tell(person, "orgs.removed", "organizations/mail/removed", organization, {})


def _tell(
    person: Person, kind: str, template: str, organization: Organization, context: dict[str, Any]
) -> None:
    """By mail, where the person has an address."""
    if not person.email:
        return
    with translation.override(person.language):
        role = context.get("role")
        if role:
            context = {**context, "role": str(Membership.Role(role).label)}
    enqueue_mail(
        kind,
        to=person.email,
        template=template,
        context={
            "organization": organization.name,
            "url": settings.PORTAL_URL + reverse("organization_detail", args=[organization.slug]),
            "is_patient": role == Membership.Role.PATIENT,
            **context,
        },
        person=person,
        subject_id=organization.pk,
    )


def second_factor_asked(membership: Membership) -> None:
    """An organization asks for a second factor which this member does not have."""
    person = membership.person
    if not person.email:
        return
    enqueue_mail(
        "orgs.second_factor_asked",
        to=person.email,
        template="organizations/mail/second_factor",
        context={
            "organization": membership.organization.name,
            "url": settings.PORTAL_URL + reverse("second_factor"),
        },
        person=person,
    )
