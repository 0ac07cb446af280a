"""Devices that are used without an account."""

import uuid

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from devices import fleet, identity, ownership, pool_admission, push, tokens
from devices.models import Device, DeviceAuthorization, Token
from devices.schemas import DeviceIn
from devices.tokens import IssuedTokens
from medimic.audit.log import Origin, record
from medimic.problems import Problem


def first_use(device: DeviceIn, origin: Origin, *, jkt: str = "") -> tuple[DeviceAuthorization, IssuedTokens]:
    """Register a guest's device at its first session, and give it tokens of its own.

    `jkt`: the thumbprint of the key that they are bound to. Raises as `register` does.
    """
    with transaction.atomic():
        authorization = register(device, origin)
        return authorization, tokens.issue_pair(authorization, jkt)


def register(device: DeviceIn, origin: Origin) -> DeviceAuthorization:
    """Register a guest's device, at its first use or after a reinstall; without tokens.

    Knowing a `device_id` finds the device's row, and with it the guest's quota, and
    nothing else: the guest gets a new authorization, whose tokens reach no earlier
    session, and the older guest's gives way. What an account's device is, a guest
    does not change. Raises `Problem` 403 `device_blocked` where support ended it.
    """
    with transaction.atomic():
        row, _is_new = identity.find_or_make(device)
        # The caller may have made the row just before, to lock it.
        is_new = not row.authorizations.exists()
        _refuse_blocked(row)
        pool_admission.refuse_closed(row, is_known=row.authorizations.filter(account=None).exists())
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
        if row.owner_organization_id:
            fleet.device_changed(row.pk)
        return authorization


def _refuse_blocked(device: Device) -> None:
    blocked = device.authorizations.filter(
        account=None, successor=None, revoked_reason__in=DeviceAuthorization.BLOCKING_REASONS
    )
    if blocked.exists():
        raise Problem(403, "device_blocked", _("Support ended the use of this device."))


def give_way(guest_token: str, *, to: Token) -> tuple[DeviceAuthorization, bool]:
    """End a guest's authorization in favour of the account that signed in on the same device.

    `guest_token` is an access or refresh token of that guest, `to` the token with which the
    account calls. Returns the guest's authorization, and whether it ended just now: repeated,
    the call finds it ended. A guest whose authorization gave way to another guest's meanwhile
    may still ask, so that who merely knows the `device_id` takes nothing away.

    Must be in a transaction; locks the device, then the authorizations. Raises `Problem` 403
    `account_needed` or `guest_token_refused`.
    """
    account_id = to.authorization.account_id
    if account_id is None:
        raise Problem(403, "account_needed", _("Sign in on this device first."))
    held = tokens.find_of_guest(guest_token)
    # Its key is proven by this very call, if it is the account's as well.
    if held is None or (held.bound_to and held.bound_to != to.bound_to):
        raise _guest_token_refused()
    ownership.lock(to.authorization.device_id)
    locked = {row.pk: row for row in _lock([held.authorization_id, to.authorization_id])}
    guest, mine = locked[held.authorization_id], locked[to.authorization_id]
    if mine.revoked_at is not None:
        raise Problem(401, "device_revoked", _("This device's access was revoked. Sign in on it again."))
    if guest.device_id != mine.device_id or not _may_give_way(guest, account_id):
        raise _guest_token_refused()
    ended = guest.revoke(by=mine.account, reason=DeviceAuthorization.RevokedReason.SUCCEEDED)
    if ended:
        guest.successor = mine
        guest.save(update_fields=["successor"])
    return guest, ended


def _lock(ids: list[uuid.UUID]) -> list[DeviceAuthorization]:
    rows = DeviceAuthorization.objects.select_for_update(no_key=True, of=("self",)).filter(pk__in=ids)
    return list(rows.select_related("account", "successor").order_by("pk"))


def _may_give_way(guest: DeviceAuthorization, account_id: uuid.UUID) -> bool:
    if guest.revoked_at is None:
        return True
    after = guest.successor
    return after is not None and after.account_id in (None, account_id)


def _guest_token_refused() -> Problem:
    return Problem(
        403,
        "guest_token_refused",
        _("This is not a token of a guest on this device, or it is over."),
    )
