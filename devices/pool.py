"""Devices that belong to an organization: taken in, named after their place, moved, and given back.

A device goes into a pool with its owner's consent, or as one's own that an admin dedicates. From then
on it counts for nobody, and is managed under Organization → Devices. Each verb holds the device's
lock, which sign-ins take first as well: of two organizations at the same instant one gets it, and
a consent that was withdrawn brings nothing about.
"""

import uuid

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Person
from billing import standing
from billing.entitlements import Payer
from devices import actions, fleet, limits, notices, ownership
from devices.models import Device, DeviceAuthorization, PoolRequest
from devices.pool_admission import is_included
from medimic.audit.log import Origin, record
from orgs.models import Membership, Organization

Reason = DeviceAuthorization.RevokedReason
State = PoolRequest.State


class NotPossible(Exception):
    """Why not, in words for whoever asked."""


def ask(
    *, authorization: DeviceAuthorization, organization: Organization, place: str, by: Person, origin: Origin
) -> PoolRequest | None:
    """Ask a device's owner to let it into the pool; one's own goes in at once, and None is returned.

    Raises `NotPossible`.
    """
    with transaction.atomic():
        owner = authorization.account
        device = _available(authorization.device_id, organization, owner_id=authorization.account_id)
        if owner is None or device.owner_person_id == by.pk:
            _take_in(device, organization, place, consented_by=by, origin=origin)
            return None
        if PoolRequest.objects.open().filter(device=device, organization=organization).exists():
            raise NotPossible(_("Its owner was asked already and has not answered yet."))
        request = PoolRequest.objects.create(
            organization=organization,
            device=device,
            owner=owner,
            requested_by=by,
            place=place,
        )
        record(
            "devices.pool_requested",
            origin=origin,
            person_id=authorization.account_id,
            organization_id=organization.pk,
            subject=request,
            details={"device": authorization.title, "place": place, "organization": organization.name},
        )
        notices.pool_requested(request, authorization)
        return request


def accept(*, request: PoolRequest, by: Person, origin: Origin) -> Device:
    """The owner lets the device go into the pool. Raises `NotPossible`."""
    with transaction.atomic():
        device = _available(request.device_id, request.organization, owner_id=by.pk)
        if not request.decide(State.ACCEPTED):
            raise NotPossible(_("This was answered or withdrawn before."))
        _take_in(device, request.organization, request.place, consented_by=by, origin=origin)
        return device


def decline(*, request: PoolRequest, by: Person, origin: Origin) -> bool:
    """The owner keeps the device; False if that was answered before."""
    return _close(request, State.DECLINED, "devices.pool_declined", origin)


def withdraw(*, request: PoolRequest, by: Person, origin: Origin) -> bool:
    """An admin takes the question back; False if it was answered before."""
    return _close(request, State.WITHDRAWN, "devices.pool_withdrawn", origin)


def waiting_requests(owner: Person) -> list[PoolRequest]:
    """What somebody is asked and has not answered."""
    asked = PoolRequest.objects.open().filter(owner=owner).select_related("organization", "device")
    return list(asked.order_by("created_at", "id"))


def move(*, device: Device, organization: Organization, place: str, by: Person, origin: Origin) -> bool:
    """Name its place anew; False if it is called so already. Raises `NotPossible`."""
    with transaction.atomic():
        device = _pooled(device.pk, organization)
        before = device.place
        if not device.move(place):
            return False
        _record("devices.pool_moved", device, organization, origin, before=before)
        fleet.device_changed(device.pk)
        return True


def takers(device: Device, organization: Organization) -> QuerySet[Person]:
    """To whom it can be given: members who are signed in on it."""
    living = DeviceAuthorization.objects.living().filter(device=device, account__is_active=True)
    members = Membership.objects.working().filter(organization=organization)
    return Person.objects.filter(pk__in=living.values("account"), id__in=members.values("person")).order_by(
        "last_name", "first_name", "id"
    )


def give_back(
    *, device: Device, organization: Organization, to: Person | None, by: Person, origin: Origin
) -> None:
    """Make it a member's own, who needs a free place for it; without one, nobody's.

    Nobody's it becomes only where nobody uses it: it finds its owner at the next sign-in. Raises
    `NotPossible`, and `DeviceLimitReached` of whom it was to go to.
    """
    with transaction.atomic():
        device = _pooled(device.pk, organization)
        if to is None:
            if device.authorizations.living().exists():
                raise NotPossible(_("It is still in use. Give it to somebody, or revoke it first."))
        else:
            if not takers(device, organization).filter(pk=to.pk).exists():
                raise NotPossible(_("They do not use this device any more. Choose somebody else."))
            to = limits.lock(to.pk)
            limits.require_place(to)
        place = device.place
        device.leave_pool(to)
        _record(
            "devices.pool_left",
            device,
            organization,
            origin,
            person_id=to.pk if to else None,
            place=place,
            receiver=to.get_full_name() if to else None,
        )
        if to is not None:
            notices.given_back(device, to, organization, place)
        fleet.device_changed(device.pk)


def revoke(*, device: Device, organization: Organization, by: Person, origin: Origin) -> bool:
    """End it for every account at once, and for all that come; False if that was so before.

    It stays in the pool, and can be allowed again. Raises `NotPossible`.
    """
    with transaction.atomic():
        device = _pooled(device.pk, organization)
        is_new = device.end_in_pool()
        living = device.authorizations.living().order_by("pk")
        ended = sum(
            actions.end(row, by=by, origin=origin, reason=Reason.ORGANIZATION, organization=organization)
            for row in living
        )
        if is_new:
            _record("devices.pool_revoked", device, organization, origin, accounts=ended)
            fleet.device_changed(device.pk)
        return is_new


def allow_again(*, device: Device, organization: Organization, by: Person, origin: Origin) -> bool:
    """Let its accounts sign in on it again; False unless it was revoked. Raises `NotPossible`."""
    with transaction.atomic():
        device = _pooled(device.pk, organization)
        if not device.reopen_in_pool():
            return False
        ended = device.authorizations.filter(successor=None, revoked_reason=Reason.ORGANIZATION)
        for row in ended.select_related("account", "device").order_by("pk"):
            if row.allow_again(organization):
                notices.allowed_again(row, organization)
        _record("devices.pool_allowed_again", device, organization, origin)
        fleet.device_changed(device.pk)
        return True


def _available(device_id: uuid.UUID | None, organization: Organization, owner_id: uuid.UUID | None) -> Device:
    """The device, locked, if this owner could let it into this pool now."""
    device = ownership.lock(device_id)
    if device is None or owner_id is None or device.owner_organization_id is not None:
        raise NotPossible(_("This device is in a pool already."))
    if device.owner_person_id != owner_id:
        raise NotPossible(_("This device belongs to somebody else. Only its owner can let it into the pool."))
    if device.is_browser:
        raise NotPossible(_("A browser cannot go into a pool; a phone, tablet or computer with the app can."))
    if not Membership.objects.working().filter(organization=organization, person=owner_id).exists():
        raise NotPossible(_("Its owner does not work in this organization any more."))
    if not is_included(organization.pk):
        raise NotPossible(_("Device pooling is part of the Enterprise plan."))
    if not standing.may_grow(Payer(organization_id=organization.pk), at=timezone.now()):
        raise NotPossible(_("The organization's plan has to be paid before devices are added to its pool."))
    return device


def _pooled(device_id: uuid.UUID, organization: Organization) -> Device:
    device = ownership.lock(device_id)
    if device is None or device.owner_organization_id != organization.pk:
        raise NotPossible(_("This device is not in your pool any more."))
    device.owner_organization = organization
    return device


def _take_in(
    device: Device, organization: Organization, place: str, *, consented_by: Person, origin: Origin
) -> None:
    device.join_pool(organization, place)
    overtaken = PoolRequest.objects.open().filter(device=device)
    overtaken.update(state=State.OVERTAKEN, decided_at=timezone.now())
    _record("devices.pooled", device, organization, origin, person_id=consented_by.pk)
    fleet.device_changed(device.pk)


def _close(request: PoolRequest, state: State, kind: str, origin: Origin) -> bool:
    with transaction.atomic():
        ownership.lock(request.device_id)
        if not request.decide(state):
            return False
        record(
            kind,
            origin=origin,
            person_id=request.owner_id,
            organization_id=request.organization_id,
            subject=request,
            details={
                "device": str(request.device),
                "place": request.place,
                "organization": request.organization.name,
            },
        )
        return True


def _record(
    kind: str,
    device: Device,
    organization: Organization,
    origin: Origin,
    *,
    person_id: uuid.UUID | None = None,
    **details: str | int | None,
) -> None:
    record(
        kind,
        origin=origin,
        person_id=person_id,
        organization_id=organization.pk,
        subject=device,
        details={
            "device": str(device),
            "place": device.place,
            "organization": organization.name,
            **details,
        },
    )
