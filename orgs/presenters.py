"""Rows as pages print them."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import pgettext

from accounts.models import Person
from medimic.formatting import Dates
from medimic.templatetags.look import icon
from orgs.bulk import Line
from orgs.invitations import Prospect
from orgs.models import Invitation, Membership, Organization
from orgs.second_factor import is_asked, with_factor

ROLE_BADGES = {
    Membership.Role.ADMIN: ("is-info", "shield"),
    Membership.Role.PROVIDER: ("is-ok", "user"),
    Membership.Role.PATIENT: ("is-off", "user"),
}
NOBODY = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True)
class Role:
    """A role in words and with its sign, made once for a page."""

    label: str
    badge: str
    icon: SafeString


@dataclass(frozen=True)
class MemberRow:
    name: str
    detail: str
    role: Role
    joined: str
    is_me: bool
    role_url: str
    removal_url: str
    audit_url: str
    # Told to admins where the organization asks for one.
    lacks_factor: bool = False


@dataclass(frozen=True)
class InvitationRow:
    email: str
    role: Role
    by: str
    sent: str
    expires: str
    is_over: bool
    sending_url: str
    withdrawal_url: str


def roles() -> dict[str, Role]:
    return {
        role.value: Role(str(role.label), badge, icon(sign)) for role, (badge, sign) in ROLE_BADGES.items()
    }


def member_rows(
    memberships: Iterable[Membership],
    organization: Organization,
    *,
    dates: Dates,
    viewer: Person,
    for_admin: bool,
) -> list[MemberRow]:
    """One row for each member. Only admins read addresses, and change what a row says."""
    memberships = list(memberships)
    lacking = _lacking_factor(memberships, organization) if for_admin else set()
    # In a row, a label's translation, an icon's drawing and an address's making would cost the most.
    known = roles()
    role_url, removal_url, audit_url = (
        (
            _pattern("member_role", organization),
            _pattern("member_removal", organization),
            reverse("organization_audit", args=[organization.slug]) + "?person=" + NOBODY,
        )
        if for_admin
        else ("", "", "")
    )
    return [
        MemberRow(
            name=membership.person.name,
            detail=(membership.person.email or "") if for_admin else "",
            role=known[membership.role],
            joined=dates.date(membership.created_at),
            is_me=membership.person_id == viewer.pk,
            role_url=role_url.replace(NOBODY, str(membership.pk)),
            removal_url=removal_url.replace(NOBODY, str(membership.pk)),
            audit_url=audit_url.replace(NOBODY, str(membership.person_id)),
            lacks_factor=membership.person_id in lacking,
        )
        for membership in memberships
    ]


def _lacking_factor(memberships: list[Membership], organization: Organization) -> set[uuid.UUID]:
    """Whom of these the organization asks for a second factor that they do not have: one query, or none."""
    if not is_asked(organization):
        return set()
    people = {membership.person_id for membership in memberships if membership.is_working}
    return people - set(with_factor(people))


def invitation_rows(
    invitations: Iterable[Invitation], organization: Organization, *, dates: Dates
) -> list[InvitationRow]:
    """One row for each open invitation, with who sent it."""
    known, now = roles(), timezone.now()
    sending_url = _pattern("organization_invitation_sending", organization)
    withdrawal_url = _pattern("organization_invitation_withdrawal", organization)
    over = pgettext("invitation", "Ran out %(when)s")
    until = pgettext("invitation", "Good until %(when)s")
    return [
        InvitationRow(
            email=invitation.email,
            role=known[invitation.role],
            by=invitation.invited_by.name,
            sent=dates.relative(invitation.sent_at),
            expires=(over if invitation.expires_at <= now else until)
            % {"when": dates.date(invitation.expires_at)},
            is_over=invitation.expires_at <= now,
            sending_url=sending_url.replace(NOBODY, str(invitation.pk)),
            withdrawal_url=withdrawal_url.replace(NOBODY, str(invitation.pk)),
        )
        for invitation in invitations
    ]


@dataclass(frozen=True)
class LineRow:
    """A line of a list, before its invitations are sent."""

    number: int
    said: str
    role: str
    outcome: str
    badge: str
    icon: SafeString


LINE_BADGES = {Prospect.INVITE: ("is-ok", "mail"), None: ("is-danger", "warning")}


def line_rows(lines: Iterable[Line]) -> list[LineRow]:
    known, labels = roles(), {prospect: str(prospect.label) for prospect in Prospect}
    looks = {key: (badge, icon(sign)) for key, (badge, sign) in LINE_BADGES.items()}
    other = ("is-off", icon("info"))
    return [
        LineRow(
            line.number,
            line.said,
            known[line.role].label if line.role and not line.problem else "",
            str(line.problem) or labels[line.prospect or Prospect.INVITE],
            *looks.get(line.prospect, other),
        )
        for line in lines
    ]


def _pattern(name: str, organization: Organization) -> str:
    return reverse(name, args=[organization.slug, NOBODY])
