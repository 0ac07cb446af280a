"""Push routing: which authorization the notification service's token belongs to.

Who is told what by these routes, `devices.push_alerts` says.
"""

import uuid

from django.db import IntegrityError, transaction
from django.db.models import Q

from devices.models import NO_PUSH, Device, DeviceAuthorization
from devices.schemas import Push
from medimic import crypto

PUSH_PURPOSE = "push-token"
ATTEMPTS = 3


def take_route(authorization: DeviceAuthorization, push: Push | None, *, from_others: bool = True) -> None:
    """Route pushes of this account to the given token, or to nowhere.

    A push token belongs to one authorization at a time, and so does a device, whatever its
    token was before: whoever proved itself last has it. A guest, who proved nothing, has it
    only where nobody else does (`from_others`).
    """
    if push is None:
        _write(authorization, NO_PUSH)
        return
    route = fields_of(push)
    taken = Q(push_hash=route["push_hash"])
    if from_others and authorization.device_id:
        taken |= Q(device=authorization.device_id) & ~Q(push_hash="")
    holders = DeviceAuthorization.objects.filter(taken).exclude(pk=authorization.pk)
    for attempt in range(1, ATTEMPTS + 1):
        if from_others:
            holders.update(**NO_PUSH)
        elif holders.exists():
            return
        try:
            with transaction.atomic():
                _write(authorization, route)
            return
        except IntegrityError:
            # Somebody took it between the two statements.
            if attempt == ATTEMPTS:
                raise


def fields_of(push: Push) -> dict[str, str]:
    """What an authorization keeps of its route."""
    return {
        "push_service": push.service,
        "push_token": push.token,
        "push_hash": crypto.keyed_hash(PUSH_PURPOSE, f"{push.service}\0{push.token}"),
    }


def _write(authorization: DeviceAuthorization, route: dict[str, str]) -> None:
    for field, value in route.items():
        setattr(authorization, field, value)
    authorization.save(update_fields=list(route))


def end_route(authorization_id: uuid.UUID, *, push_hash: str = "") -> bool:
    """Push nothing to it any more; with `push_hash` only while it has that very token."""
    routed = DeviceAuthorization.objects.filter(pk=authorization_id).exclude(push_hash="")
    if push_hash:
        routed = routed.filter(push_hash=push_hash)
    return bool(routed.update(**NO_PUSH))


def end_routes_on(device: Device) -> None:
    """Push nothing to a device, for whichever account: somebody signs in there, maybe without a token yet."""
    device.authorizations.exclude(push_hash="").update(**NO_PUSH)


def end_routes_of_browser(identifier_hash: str) -> None:
    """Push nothing to a browser, for whichever account: somebody signs in there anew."""
    DeviceAuthorization.objects.filter(device__identifier_hash=identifier_hash).exclude(push_hash="").update(
        **NO_PUSH
    )
