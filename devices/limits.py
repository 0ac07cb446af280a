"""How many devices an account may own, counted under one lock per owner."""

import uuid
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.translation import ngettext

from accounts.models import Person
from billing.entitlements import Allowance, device_allowance
from billing.standing import PaymentRequired
from devices.models import DeviceAuthorization, Registration
from medimic.problems import Problem


@dataclass(frozen=True)
class Places:
    """The places of one account: how many there are, by which plan, and how many are taken."""

    allowance: Allowance
    taken: int

    @property
    def has_free(self) -> bool:
        return self.allowance.limit is None or self.taken < self.allowance.limit

    @property
    def may_add(self) -> bool:
        """Whether a free place can be taken now: one of a plan that is read-only can not."""
        limit = self.allowance.growth_limit
        return limit is None or self.taken < limit

    @property
    def excess(self) -> int:
        """How many have to go before another one fits; more than one after a downgrade."""
        return 0 if self.allowance.limit is None else max(self.taken - self.allowance.limit + 1, 0)


class DeviceLimitReached(Problem):
    """One device more than the plan allows was asked for."""

    def without_devices(self) -> "DeviceLimitReached":
        """The same, told to somebody who is not to know which devices those are."""
        self.extra.pop("devices", None)
        return self

    def __init__(self, person: Person, allowance: Allowance) -> None:
        self.allowance = allowance
        limit = allowance.limit or 0
        detail = ngettext(
            "The %(plan)s plan allows %(limit)s device. Revoke one under Account Settings → "
            "Connected Devices, then try again.",
            "The %(plan)s plan allows %(limit)s devices. Revoke one under Account Settings → "
            "Connected Devices, then try again.",
            limit,
        ) % {"plan": allowance.plan.name, "limit": limit}
        super().__init__(
            409,
            "device_limit",
            detail,
            limit=limit,
            plan=allowance.plan.code,
            plan_name=str(allowance.plan.name),
            revoke_at=settings.PORTAL_URL + reverse("devices"),
            devices=[_named(row) for row in longest_unused_first(person)],
        )


def lock(person_id: uuid.UUID) -> Person:
    """The account, fresh and locked: whoever takes one of its places queues up here.

    Several are locked in the order of their ids, and after the device (`identity`).
    """
    return Person.objects.select_for_update(no_key=True).get(pk=person_id)


def taking_places(person: Person) -> QuerySet[DeviceAuthorization]:
    """What takes a place: the account's living authorizations on devices that it owns,
    however long unused, and its pending ones whose link is still good or is being confirmed."""
    awaited = Registration.objects.reserving().filter(authorization=OuterRef("pk"))
    return DeviceAuthorization.objects.living().filter(
        Q(device__owner_person=person) | (Q(device=None) & Exists(awaited)), account=person
    )


def places(person: Person, *, besides: DeviceAuthorization | None = None) -> Places:
    """The account's places; what `besides` takes is not counted. Two or three queries."""
    taking = taking_places(person)
    if besides is not None:
        taking = taking.exclude(pk=besides.pk)
    return Places(device_allowance(person), taking.count())


def require_place(person: Person, *, besides: DeviceAuthorization | None = None) -> None:
    """Refuse where no place is free: raises `DeviceLimitReached`, or `PaymentRequired` where a free
    one is of a plan that has yet to be paid. The caller holds `lock`."""
    found = places(person, besides=besides)
    if not found.has_free:
        raise DeviceLimitReached(person, found.allowance)
    if not found.may_add:
        raise PaymentRequired(found.allowance.organization)


def longest_unused_first(person: Person) -> list[DeviceAuthorization]:
    """What takes the account's places, in the order in which it can best be spared."""
    rows = taking_places(person).select_related("device")
    return list(rows.order_by(Coalesce("last_seen_at", "created_at"), "id")[:50])


def _named(row: DeviceAuthorization) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "name": row.title,
        "model": row.device.model if row.device else None,
        "last_seen_at": row.last_seen_at.isoformat() if row.last_seen_at else None,
    }
