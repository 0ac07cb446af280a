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


def lock_heirs(
    device: Device, ending: DeviceAuthorization, *, also_locking: Iterable[uuid.UUID] = ()
) -> list[Person]:
    """The accounts that the device can pass to once `ending` has ended, who used it first before
    all others; fresh and locked. None where it is not the owner's leave that ends.

    Accounts that the caller locks later in this transaction it names here: all are locked in
    one order, and before any authorization.
    """
    heirs = _heirs(device, ending)
    locked = {pk: limits.lock(pk) for pk in sorted({*heirs, *also_locking})}
    return [locked[pk] for pk in heirs]


def pass_on(device: Device, ended: DeviceAuthorization, heirs: Iterable[Person]) -> None:
    """Hand a device on whose owner's authorization has ended.

    It goes to the oldest living authorization whose account has a free place;
    without one it has no owner until somebody's next sign-in. `heirs` are those of `lock_heirs`.
    """
    if ended.account_id is None:
        if device.guest_owned and not device.authorizations.living().filter(account=None).exists():
            device.belong_to(None)
    elif device.owner_person_id == ended.account_id:
        device.belong_to(next((person for person in heirs if limits.places(person).has_free), None))


def _heirs(device: Device, ending: DeviceAuthorization) -> list[uuid.UUID]:
    if ending.account_id is None or device.owner_person_id != ending.account_id:
        return []
    rows = device.authorizations.living().exclude(pk=ending.pk).filter(account__is_active=True)
    return [pk for pk in rows.order_by("activated_at", "id").values_list("account_id", flat=True) if pk]
