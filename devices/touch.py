"""When a device was here last: written seldom, never more than a minute behind."""

import datetime as dt

from django.db import transaction
from django.db.models import Exists, Q
from django.utils import timezone

from devices.models import Device, DeviceAuthorization

INTERVAL = dt.timedelta(minutes=1)


def seen(authorization: DeviceAuthorization) -> None:
    """Note that this device calls for this account; at most one write a minute."""
    now = timezone.now()
    if authorization.last_seen_at and now - authorization.last_seen_at < INTERVAL:
        return
    stale = Q(last_seen_at=None) | Q(last_seen_at__lte=now - INTERVAL)
    rows = DeviceAuthorization.objects.filter(stale, pk=authorization.pk)
    # One write for both rows, the device first, as all of the app locks them. Of calls at the
    # same instant one writes; the device is then never behind its authorizations.
    with transaction.atomic():
        if authorization.device_id:
            devices = Device.objects.filter(Exists(rows), pk=authorization.device_id, last_seen_at__lt=now)
            devices.update(last_seen_at=now)
        rows.update(last_seen_at=now)
    authorization.last_seen_at = now
