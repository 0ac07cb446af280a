"""Where the demonstration's devices get their alerts, and which of them they want."""

import datetime as dt
import secrets
import uuid

from devices import push
from devices.models import DeviceAuthorization, DeviceType, Platform, PushSettings
from devices.schemas import Push
from medimic.demo.fleet import Fleet

APPLE = {Platform.IOS, Platform.IPADOS, Platform.MACOS}
EVENING, MORNING = dt.time(22), dt.time(6, 30)


def route(fleet: Fleet) -> list[PushSettings]:
    """Give each app that is signed in a token, before the fleet is saved; what some have set, for after."""
    settings = []
    for row in _latest(fleet):
        if (to := _token(row)) is None:
            continue
        for field, value in push.fields_of(to).items():
            setattr(row, field, value)
        is_carried = row.device is not None and row.device.device_type == DeviceType.PHONE
        if is_carried and row.name:
            settings.append(PushSettings(authorization=row, quiet_from=EVENING, quiet_until=MORNING))
        elif not is_carried:
            settings.append(PushSettings(authorization=row, session_expiring=False))
    return settings


def _latest(fleet: Fleet) -> list[DeviceAuthorization]:
    """On each device the account that used it last: an app has one token, whoever is signed in to it."""
    signed_in = {family.authorization_id for family in fleet.families}
    latest: dict[uuid.UUID, DeviceAuthorization] = {}
    for row in fleet.authorizations:
        if row.pk in signed_in and row.account_id and row.device_id:
            other = latest.get(row.device_id)
            if other is None or (row.last_seen_at or fleet.now) > (other.last_seen_at or fleet.now):
                latest[row.device_id] = row
    return list(latest.values())


def _token(row: DeviceAuthorization) -> Push | None:
    platform = row.device.platform if row.device else ""
    if platform in APPLE:
        return Push(service="apns", token=secrets.token_hex(32))
    if platform == Platform.ANDROID:
        return Push(service="fcm", token=f"{secrets.token_urlsafe(16)}:APA91b{secrets.token_urlsafe(96)}")
    return None
