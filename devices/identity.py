"""Knowing a physical device again."""

from django.utils import timezone

from devices.models import Device
from devices.schemas import DeviceIn
from medimic import crypto

IDENTIFIER_PURPOSE = "device-id"


def identifier_hash(device_id: str) -> str:
    """What is kept of a `device_id`: a keyed hash."""
    return crypto.keyed_hash(IDENTIFIER_PURPOSE, device_id)


def find_or_make(facts: DeviceIn) -> tuple[Device, bool]:
    """The one row of this device, locked, and whether it was made just now.

    Must be called in a transaction, and before any account is locked: all of the
    app takes its locks in the order device, accounts by id.
    """
    made, is_new = Device.objects.get_or_create(
        identifier_hash=identifier_hash(facts.device_id), defaults=described(facts)
    )
    return Device.objects.select_for_update(no_key=True).get(pk=made.pk), is_new


def described(facts: DeviceIn) -> dict[str, str]:
    """The columns that a device may say of itself."""
    return {
        "model": facts.model,
        "device_type": facts.device_type_id,
        "platform": facts.platform,
        "os_version": facts.os_version,
        "app_version": facts.app_version,
    }


def describe(device: Device, facts: DeviceIn) -> None:
    """Take over what a device that proved itself says: a new OS, a new version of the app."""
    device.last_seen_at = timezone.now()
    for field, value in described(facts).items():
        setattr(device, field, value)
    device.save(update_fields=[*described(facts), "last_seen_at"])
