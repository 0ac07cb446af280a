"""Devices that are used without an account."""

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from devices import identity, push, tokens
from devices.models import Device, DeviceAuthorization
from devices.schemas import DeviceIn
from devices.tokens import IssuedTokens
from medimic.audit.log import Origin, record
from medimic.problems import Problem


def first_use(device: DeviceIn, origin: Origin, *, jkt: str = "") -> tuple[DeviceAuthorization, IssuedTokens]:
    """Register a guest's device, at its first session or after a reinstall.

    Knowing a `device_id` finds the device's row, and with it the guest's quota, and
    nothing else: the guest gets a new authorization, whose tokens reach no earlier
    session, and the older guest's gives way. What an account's device is, a guest
    does not change. `jkt`: the thumbprint of the key that its tokens are bound to.
    Raises `Problem` 403 `device_blocked` where support ended it.
    """
    with transaction.atomic():
        row, is_new = identity.find_or_make(device)
        _refuse_blocked(row)
        if not is_new and not row.has_account():
            identity.describe(row, device)
        row.belong_to_guest()
        authorization = DeviceAuthorization()
        authorization.attach(row, name=device.name)
        push.take_route(authorization, device.push, from_others=False)
        authorization.bind_key(device.public_key)
        record(
            "devices.guest_registered",
            origin=origin,
            subject=authorization,
            details={"device": str(row), "is_new": is_new},
        )
        return authorization, tokens.issue_pair(authorization, jkt)


def _refuse_blocked(device: Device) -> None:
    blocked = device.authorizations.filter(
        account=None, successor=None, revoked_reason__in=DeviceAuthorization.BLOCKING_REASONS
    )
    if blocked.exists():
        raise Problem(403, "device_blocked", _("Support ended the use of this device."))
