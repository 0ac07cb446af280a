"""Whose a device is: the account that first used it, a guest, or an organization with a pool.

Whoever changes it holds the device's lock (`lock`), taken before any account's.
"""

import uuid
from collections.abc import Iterable

from accounts.models import Person
from devices import limits
from devices.models import Device, DeviceAuthorization


def lock(device_id: uuid.UUID | None) -> Device | None:
    """The device, fresh and locked; None where there is none yet."""
    if device_id is None:
        return None
    return Device.objects.select_for_update(no_key=True).get(pk=device_id)


def settle(device: Device, account: Person, pending: DeviceAuthorization) -> None:
    """Whoever signs in on a device without an owner, or with a guest as its owner, becomes it.

    That takes the place which the pending authorization holds; on a device of
    somebody else's, or of a pool, no place is needed. The caller has locked the account.
    """
    if device.owner_person_id is None and device.owner_organization_id is None:
        limits.require_place(account, besides=pending)
        device.belong_to(account)


def pass_on(device: Device, ended: DeviceAuthorization, *, also_locking: Iterable[uuid.UUID] = ()) -> None:
    """Hand a device on whose owner's authorization has ended.

    It goes to the oldest living authorization whose account has a free place;
    without one it has no owner until somebody's next sign-in. Accounts that the
    caller locks later in this transaction it names here: all are locked in one order.
    """
    heirs = _heirs(device, ended)
    locked = {pk: limits.lock(pk) for pk in sorted({*heirs, *also_locking})}
    if ended.account_id is None:
        if device.guest_owned and not device.authorizations.living().filter(account=None).exists():
            device.belong_to(None)
    elif device.owner_person_id == ended.account_id:
        heir = next((pk for pk in heirs if limits.places(locked[pk]).has_free), None)
        device.belong_to(locked[heir] if heir else None)


def _heirs(device: Device, ended: DeviceAuthorization) -> list[uuid.UUID]:
    """The accounts that a device can pass to, the one that used it first before all others."""
    if ended.account_id is None or device.owner_person_id != ended.account_id:
        return []
    rows = device.authorizations.living().filter(account__is_active=True).order_by("activated_at", "id")
    return [pk for pk in rows.values_list("account_id", flat=True) if pk]
