"""What joining and leaving an organization mean on every floor: docs/organizations.md says it in words.

Each verb is one transaction. Locks are taken in the order of the whole house: the organization,
the person's devices, their account, authorizations, the membership; a sign-in on a pooled device
or a session that starts at the same instant comes before it all, or finds the membership ended.
"""

import datetime as dt
import uuid
from dataclasses import dataclass

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import Person
from billing import seats
from billing.models import Subscription
from devices import actions, fleet, limits, tokens
from devices.models import Device, DeviceAuthorization, Registration
from medimic.audit.log import Origin
from orgs import founding, invitations, memberships
from orgs.models import Membership, Organization
from sessions_app import visits
from sessions_app.models import Participant, Visit

Reason = DeviceAuthorization.RevokedReason
# Whoever needs more than this sees to a plan first.
MOST_WITHOUT_A_PLAN = 3


class TooMany(Exception):
    """The person has made as many organizations without a plan as one may."""


def create(*, name: str, by: Person, origin: Origin) -> Organization:
    """Make an organization, with `by` as its admin. Raises `TooMany`."""
    with transaction.atomic():
        # Its lock makes two at the same instant queue up.
        limits.lock(by.pk)
        paid = Subscription.objects.living().filter(organization__isnull=False)
        made = Organization.objects.filter(created_by=by).exclude(pk__in=paid.values("organization"))
        if made.count() >= MOST_WITHOUT_A_PLAN:
            raise TooMany
        organization = founding.create(name=name, by=by, origin=origin)
        fleet.member_changed(by.pk, organization.pk)
    return organization


def accept(*, token: str, person: Person, origin: Origin) -> Membership:
    """Join by an invitation, and take a seat. Raises as `orgs.invitations.accept`, and `NoSeat`."""
    with transaction.atomic():
        may_add = invitations.opened(token).adds_seat
        membership = invitations.accept(token=token, person=person, origin=origin)
        if membership.is_working:
            seats.claim(membership.organization, may_add=may_add, origin=origin, at=timezone.now())
        fleet.member_changed(person.pk, membership.organization_id)
    return membership


@dataclass(frozen=True)
class Consequences:
    """What ends for somebody who leaves, or becomes a patient: counted by what then ends it."""

    pooled_devices: int
    running_sessions: int
    taken_part_in: int
    issued_links: int
    own_devices: int

    @property
    def is_nothing(self) -> bool:
        return not any(vars(self).values())


def consequences(membership: Membership) -> Consequences:
    """What removing this member would end, for the page that asks."""
    now = timezone.now()
    is_working = membership.is_working
    return Consequences(
        pooled_devices=_pooled(membership).count(),
        running_sessions=_hosted(membership, now).count() if is_working else 0,
        taken_part_in=_taken_part_in(membership, now).count() if is_working else 0,
        issued_links=_issued(membership).count(),
        own_devices=_unattended(membership).count(),
    )


def remove(*, membership: Membership, by: Person, origin: Origin) -> bool:
    """Remove a member, or leave; False if they had left before. Raises as `orgs.memberships.end`."""
    with transaction.atomic():
        organization = _hold(membership)
        was_working = membership.is_working
        # Before the membership, in the order of locks; a refusal below undoes it.
        _end_devices(membership, by=by, origin=origin)
        if not memberships.end(membership=membership, by=by, origin=origin):
            return False
        if was_working:
            _end_sessions(membership, origin=origin)
        fleet.member_changed(membership.person_id, organization.pk)
        return True


def change_role(*, membership: Membership, role: str, by: Person, origin: Origin) -> bool:
    """Give a member another role. Who becomes a patient leaves the others' devices and sessions.

    Who works there from now on takes a seat. False if the role is theirs already. Raises as
    `orgs.memberships.change_role`, and `NoSeat`.
    """
    if role != Membership.Role.PATIENT or not membership.is_working:
        with transaction.atomic():
            was_working = membership.is_working
            is_changed = memberships.change_role(membership=membership, role=role, by=by, origin=origin)
            if is_changed and not was_working:
                seats.claim(membership.organization, may_add=False, origin=origin, at=timezone.now())
                fleet.member_changed(membership.person_id, membership.organization_id)
            return is_changed
    with transaction.atomic():
        _hold(membership)
        _end_devices(membership, by=by, origin=origin)
        if not memberships.change_role(membership=membership, role=role, by=by, origin=origin):
            return False
        _end_sessions(membership, origin=origin)
        fleet.member_changed(membership.person_id, membership.organization_id)
        return True


def _hold(membership: Membership) -> Organization:
    """Lock the organization, the person's devices, and the person."""
    organization = membership.organization.lock()
    rows = DeviceAuthorization.objects.filter(account=membership.person_id, device__isnull=False)
    devices = list(rows.values_list("device", flat=True).distinct())
    list(
        Device.objects.select_for_update(no_key=True).filter(pk__in=devices).order_by("pk").values_list("pk")
    )
    limits.lock(membership.person_id)
    return organization


def _end_devices(membership: Membership, *, by: Person, origin: Origin) -> None:
    """Their leave to use the organization's own devices; links that they made for its patients; and
    all of a patient who could not see to them alone."""
    for rows in (_pooled(membership), _issued(membership), _unattended(membership)):
        for authorization in rows.order_by("device", "id"):
            actions.revoke(
                authorization=authorization,
                by=by,
                origin=origin,
                reason=Reason.LEFT,
                organization=membership.organization,
            )


def _end_sessions(membership: Membership, *, origin: Origin) -> None:
    """Running sessions of the organization: those that they host end, and they leave the others.

    Of somebody who worked there: a patient's session goes on until its host ends it.
    """
    now = timezone.now()
    for visit in _hosted(membership, now):
        visits.end(visit, origin=origin)
    for participant in _taken_part_in(membership, now).select_related("visit"):
        participant.leave()
        tokens.end_session_tokens(participant_id=participant.pk)
        participant.visit.bump()


def _pooled(membership: Membership) -> QuerySet[DeviceAuthorization]:
    living = DeviceAuthorization.objects.living().filter(account=membership.person_id)
    return living.filter(device__owner_organization=membership.organization_id)


def _hosted(membership: Membership, at: dt.datetime) -> QuerySet[Visit]:
    running = Visit.objects.active(at).filter(organization=membership.organization_id)
    return running.filter(host=membership.person_id).order_by("started_at", "id")


def _taken_part_in(membership: Membership, at: dt.datetime) -> QuerySet[Participant]:
    running = Visit.objects.active(at).filter(organization=membership.organization_id)
    return Participant.objects.filter(
        person=membership.person_id, is_host=False, left_at=None, visit__in=running
    ).order_by("joined_at", "id")


def _issued(membership: Membership) -> QuerySet[DeviceAuthorization]:
    """Links that they made for the organization's patients, and that still sign a device in.

    Only for those whose links they could not make once they have left: they may have seen them.
    """
    pending = DeviceAuthorization.objects.living().filter(
        issued_by=membership.person_id,
        device=None,
        account__memberships__in=Membership.objects.living().filter(
            organization=membership.organization_id, role=Membership.Role.PATIENT
        ),
        pk__in=Registration.objects.good().values("authorization"),
    )
    return pending.exclude(account__in=_cared_for_elsewhere(membership))


def _cared_for_elsewhere(membership: Membership) -> QuerySet[Person]:
    """Patients of other organizations in which this member works, too."""
    workplaces = (
        Membership.objects.working()
        .filter(person=membership.person_id)
        .exclude(organization=membership.organization_id)
    )
    patients = Membership.objects.living().filter(
        role=Membership.Role.PATIENT, organization__in=workplaces.values("organization")
    )
    return Person.objects.filter(pk__in=patients.values("person"))


def _unattended(membership: Membership) -> QuerySet[DeviceAuthorization]:
    """The devices of a patient who has no sign-in and belongs nowhere else: nobody could revoke them."""
    none = DeviceAuthorization.objects.none()
    person = membership.person
    if membership.role != Membership.Role.PATIENT or _has_sign_in(person):
        return none
    if person.memberships.living().exclude(pk=membership.pk).exists():
        return none
    return DeviceAuthorization.objects.living().filter(account=person)


def _has_sign_in(person: Person) -> bool:
    return bool(person.email) or person.has_usable_password()


def membership_of(organization: Organization, membership_id: uuid.UUID) -> Membership | None:
    """One living membership, with its person."""
    rows = organization.memberships.living().select_related("person", "organization")
    return rows.filter(pk=membership_id).first()
