"""Devices as pages and the API show them: rows made in Python, so that templates only print."""

import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from devices.models import Device, DeviceAuthorization, DeviceType, Platform, os_name
from medimic.formatting import Dates
from medimic.templatetags.look import icon

# Pages put a dash in its place, or leave the fact out.
NOTHING = ""


def api_record(authorization: DeviceAuthorization) -> dict[str, Any]:
    """A row as the API gives it (`DeviceOut`)."""
    device = authorization.device
    return {
        "id": authorization.pk,
        "name": authorization.name,
        "model": device.model if device else None,
        "device_type_id": device.device_type if device else None,
        "phone_number": authorization.phone_number,
        "os": device.os if device else None,
        "app_version": (device.app_version or None) if device else None,
        "created_at": authorization.created_at,
        "last_seen_at": authorization.last_seen_at,
        "device_status_id": "ACTIVE" if authorization.is_active else "INACTIVE",
    }


def own_record(authorization: DeviceAuthorization) -> dict[str, Any]:
    """What a device reads of itself (`OwnDeviceOut`): in a pool, whose it is and where it stands."""
    device = authorization.device
    organization = device.owner_organization if device else None
    pool = {"organization": organization.name, "place": device.place} if device and organization else None
    return {**api_record(authorization), "pool": pool}


@dataclass(frozen=True)
class Status:
    """What a row says of its state: a badge of one word, and the reason beside it."""

    label: str
    badge: str
    icon: SafeString
    reason: str = ""


@dataclass(frozen=True)
class DeviceRow:
    """One row of Connected Devices. `revocation_url` is empty where there is nothing to end;
    `is_this` says that it is the browser in which the page stands."""

    name: str
    detail: str
    model: str
    type: str
    type_icon: SafeString
    phone_number: str
    os: str
    app_version: str
    registered: str
    last_active: str
    last_active_exactly: str
    status: Status
    url: str
    naming_url: str
    revocation_url: str
    is_pending: bool
    is_this: bool
    # Of a row without its device: where its link stands, and, as long as that can still come to
    # something, where a script asks for news. Otherwise empty.
    link_url: str
    state_url: str
    is_asking: bool
    # Of a device in a pool: whose it is and where it stands.
    pool: str


class DevicePresenter:
    """Makes rows for one page: labels, icons and addresses are looked up once for all of them.

    `this` is the hash of the identifier of the browser that asks, as `devices.browsers`
    gives it; `signed_in` the authorizations of browsers in which somebody is signed in,
    where the page tells that.
    """

    def __init__(
        self, dates: Dates, *, this: str = "", signed_in: Collection[uuid.UUID] | None = None
    ) -> None:
        self.dates = dates
        self.this = this
        self.signed_in = signed_in
        self.now = timezone.now()
        self.prefix = reverse("devices")
        self.types = {kind.value: (str(kind.label), icon(kind.value)) for kind in DeviceType}
        self.platforms = {platform.value: str(platform.label) for platform in Platform}
        reasons = DeviceAuthorization.RevokedReason
        self.revoked = {reason.value: str(reason.label) for reason in reasons}
        active, inactive = _("Active"), _("Inactive")
        self.active = Status(active, "is-ok", icon("check"))
        self.signed_out = Status(active, "is-ok", icon("check"), _("signed out"))
        self.awaited = Status(inactive, "is-warning", icon("clock"), _("waiting for the device"))
        self.asking = Status(inactive, "is-warning", icon("warning"), _("confirm it by its digits"))
        self.expired = Status(inactive, "is-off", icon("stop"), _("link expired"))
        self.ended = Status(inactive, "is-off", icon("stop"))
        self.not_yet = _("Not signed in yet")

    def rows(self, authorizations: Iterable[DeviceAuthorization]) -> list[DeviceRow]:
        return [self.row(authorization) for authorization in authorizations]

    def row(self, row: DeviceAuthorization) -> DeviceRow:
        """One row; `row` comes from `DeviceAuthorization.objects.with_state()`."""
        device = row.device
        system = os_name(self.platforms[device.platform], device.os_version) if device else ""
        detail = f"{device.model} · {system}" if device else self.not_yet
        type_name, type_icon = self.types[device.device_type] if device else (NOTHING, SafeString())
        url = f"{self.prefix}{row.pk}/"
        seen = row.last_seen_at
        is_waiting = device is None and row.revoked_at is None
        return DeviceRow(
            name=row.name or (device.model if device else _("New device")),
            detail=detail,
            model=device.model if device else NOTHING,
            type=type_name,
            type_icon=type_icon,
            phone_number=row.phone_number or NOTHING,
            os=system or NOTHING,
            app_version=device.app_version or NOTHING if device else NOTHING,
            registered=self.dates.date(row.created_at),
            last_active=self.dates.relative(seen) if seen else _("Never"),
            last_active_exactly=self.dates.date_time(seen) if seen else "",
            status=self.status(row),
            url=url,
            naming_url=f"{url}name/",
            revocation_url="" if row.revoked_at else f"{url}revocation/",
            is_pending=device is None,
            is_this=bool(device and self.this and device.identifier_hash == self.this),
            link_url=f"{url}authentication/" if is_waiting else "",
            state_url=f"{url}authentication/state/" if is_waiting and self.is_awaited(row) else "",
            is_asking=is_waiting and row.is_asking,  # type: ignore[attr-defined]
            pool=self.pool(device) if device and device.owner_organization_id else "",
        )

    def pool(self, device: Device) -> str:
        """ "Exam room 2 · Northgate Hospital"."""
        return " · ".join(filter(None, (device.place, str(device.owner_organization))))

    def status(self, row: DeviceAuthorization) -> Status:
        """Active or Inactive, with the reason beside it."""
        if row.revoked_at:
            return Status(
                self.ended.label, self.ended.badge, self.ended.icon, self.revoked[row.revoked_reason]
            )
        if row.device:
            return self.active if self._is_signed_in(row, row.device) else self.signed_out
        if row.is_asking:  # type: ignore[attr-defined]
            return self.asking
        return self.awaited if self.is_awaited(row) else self.expired

    def is_awaited(self, row: DeviceAuthorization) -> bool:
        """Whether a link of this row, or a device that used one, can still come to something."""
        expires_at = row.link_expires_at  # type: ignore[attr-defined]
        return row.is_asking or bool(expires_at and expires_at > self.now)  # type: ignore[attr-defined]

    def _is_signed_in(self, row: DeviceAuthorization, device: Device) -> bool:
        """A browser holds a sign-in of the portal in place of tokens."""
        if device.is_browser:
            return self.signed_in is None or row.pk in self.signed_in
        return bool(row.is_signed_in)  # type: ignore[attr-defined]
