"""When a device was here last: written seldom, never more than a minute behind."""

import datetime as dt

from django.db.models import Q
from django.utils import timezone

from devices.models import Device, DeviceAuthorization

INTERVAL = dt.timedelta(minutes=1)


def seen(authorization: DeviceAuthorization) -> None:
    """Note that this device calls for this account; at most one write a minute."""
    now = timezone.now()
    if authorization.last_seen_at and now - authorization.last_seen_at < INTERVAL:
        return
    # Of calls at the same instant one writes.
    stale = Q(last_seen_at=None) | Q(last_seen_at__lte=now - INTERVAL)
    noted = DeviceAuthorization.objects.filter(stale, pk=authorization.pk).update(last_seen_at=now)
    if noted and authorization.device_id:
        Device.objects.filter(pk=authorization.device_id).update(last_seen_at=now)
    authorization.last_seen_at = now
