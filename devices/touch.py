"""When a device was here last: written seldom, never more than a minute behind."""

import datetime as dt

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from devices import fleet
from devices.models import Device, DeviceAuthorization

INTERVAL = dt.timedelta(minutes=1)


def seen(authorization: DeviceAuthorization) -> None:
    """Note that this device calls for this account; at most one write a minute."""
    now = timezone.now()
    if authorization.last_seen_at and now - authorization.last_seen_at < INTERVAL:
        return
    stale = Q(last_seen_at=None) | Q(last_seen_at__lte=now - INTERVAL)
    rows = DeviceAuthorization.objects.filter(stale, pk=authorization.pk)
    # Calls at the same instant queue up at the device, which all of the app locks first; whoever
    # comes behind sees the authorization fresh, so that the two are written once and together.
    with transaction.atomic():
        if authorization.device_id:
            Device.objects.select_for_update(no_key=True).filter(pk=authorization.device_id).first()
        if rows.update(last_seen_at=now) and authorization.device_id:
            Device.objects.filter(pk=authorization.device_id, last_seen_at__lt=now).update(last_seen_at=now)
            fleet.seen(authorization, now)
    authorization.last_seen_at = now
