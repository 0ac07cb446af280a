"""Who belongs to an organization, in which role. An organization never ends up without an admin.

Every change is made under the organization's lock, and asks there, not before, whether whoever
makes it is still an admin and whether another one is left. What a change means for devices,
sessions and tokens is `medimic.flows.memberships`', which calls these.
"""

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Person
from medimic.audit.log import Origin, record
from orgs import news, notices
from orgs.models import Membership, Organization

Role = Membership.Role


class LastAdmin(Exception):
    """The organization would be left without an admin: its role has to be handed over first."""


class NotEligible(Exception):
    """Whoever the last admin's role is handed to does not work there any more."""


def add(*, organization: Organization, person: Person, role: str, origin: Origin) -> Membership:
    """Let a person in. The caller holds the organization's lock; who is in already stays as they are."""
    existing = organization.memberships.living().filter(person=person).first()
    if existing is not None:
        return existing
    membership = Membership.objects.create(organization=organization, person=person, role=role)
    record(
        "orgs.joined",
        origin=origin,
        person_id=person.pk,
        organization_id=organization.pk,
        subject=membership,
        details={"organization": organization.name, "role": role},
    )
    news.membership_changed(membership)
    return membership


def change_role(*, membership: Membership, role: str, by: Person, origin: Origin) -> bool:
    """Give a member another role; False if it is theirs already, or they have left.

    Raises `LastAdmin`, and `PermissionDenied` where `by` is no admin any more.
    """
    with transaction.atomic():
        organization = membership.organization.lock()
        require_admin(organization, by)
        is_changed = _change_role(organization, membership, role, origin, by=by)
        if is_changed:
            news.membership_changed(membership)
        return is_changed


def end(*, membership: Membership, by: Person, origin: Origin) -> bool:
    """Remove a member, or have them leave where that is `by`; False if they had left before.

    Raises as `change_role`; for leaving nobody need be an admin.
    """
    with transaction.atomic():
        organization = membership.organization.lock()
        is_leaving = membership.person_id == by.pk
        if not is_leaving:
            require_admin(organization, by)
        fresh = _living(membership)
        if fresh is None:
            return False
        _keep_an_admin(organization, fresh)
        fresh.end()
        record(
            "orgs.left" if is_leaving else "orgs.removed",
            origin=origin,
            person_id=fresh.person_id,
            organization_id=organization.pk,
            subject=fresh,
            details={"organization": organization.name, "role": fresh.role},
        )
        if not is_leaving:
            notices.removed(fresh.person, organization)
        news.membership_changed(fresh)
        membership.ended_at = fresh.ended_at
        return True


def hand_over(*, organization: Organization, to: Membership, by: Person, origin: Origin) -> None:
    """Make a colleague an admin in one's own place, who becomes a provider.

    Raises `NotEligible`, and `PermissionDenied` where `by` is no admin any more.
    """
    with transaction.atomic():
        organization = organization.lock()
        require_admin(organization, by)
        mine = organization.memberships.living().get(person=by)
        heir = _living(to)
        if heir is None or heir.organization_id != organization.pk or not may_take_over(heir, by):
            raise NotEligible
        _change_role(organization, heir, Role.ADMIN, origin, by=by)
        _change_role(organization, mine, Role.PROVIDER, origin, by=by)
        news.membership_changed(heir, mine)


def may_take_over(membership: Membership, from_: Person) -> bool:
    """Whether the admin's role can go to this member: somebody else who works there and can sign in."""
    person = membership.person
    return membership.is_working and person.is_active and person.pk != from_.pk


def require_admin(organization: Organization, person: Person) -> None:
    """Raises `PermissionDenied`. The caller holds the organization's lock."""
    if not organization.memberships.admins().filter(person=person).exists():
        raise PermissionDenied(_("You are no longer an admin of this organization."))


def _change_role(
    organization: Organization, membership: Membership, role: str, origin: Origin, *, by: Person
) -> bool:
    fresh = _living(membership)
    if fresh is None or fresh.role == role:
        return False
    if role != Role.ADMIN:
        _keep_an_admin(organization, fresh)
    before = fresh.role
    fresh.become(role)
    record(
        "orgs.role_changed",
        origin=origin,
        person_id=fresh.person_id,
        organization_id=organization.pk,
        subject=fresh,
        details={"organization": organization.name, "before": before, "role": role},
    )
    if fresh.person_id != by.pk:
        notices.role_changed(fresh.person, organization, role)
    membership.role = role
    return True


def _living(membership: Membership) -> Membership | None:
    return Membership.objects.living().select_related("person").filter(pk=membership.pk).first()


def _keep_an_admin(organization: Organization, leaving: Membership) -> None:
    """Raises `LastAdmin` where nobody else is one."""
    if leaving.role == Role.ADMIN and not (organization.memberships.admins().exclude(pk=leaving.pk).exists()):
        raise LastAdmin
