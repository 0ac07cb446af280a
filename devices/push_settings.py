"""What a device says of its pushes: which it wants, and when it wants quiet.

A device changes its own alone; the portal shows those of all.
"""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

from babel.dates import format_time
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from accounts.models import Person
from devices import push_alerts
from devices.holding import hold
from devices.models import DeviceAuthorization, DeviceType, PushKind, PushSettings
from medimic.audit.log import Origin, record
from medimic.formatting import Dates
from medimic.templatetags.look import icon

SHOWN = 100
# From when until when, in the person's own time zone.
QuietHours = tuple[dt.time, dt.time]


def of(authorization: DeviceAuthorization) -> PushSettings:
    """Its settings; where it never said anything, those that it has without."""
    found = PushSettings.objects.filter(authorization=authorization).first()
    return found or PushSettings(authorization=authorization)


def change(
    authorization: DeviceAuthorization,
    *,
    kinds: Collection[PushKind],
    quiet: QuietHours | None,
    origin: Origin,
) -> PushSettings:
    """Have it told of these kinds and no others, and of none in its quiet hours.

    Raises `Problem` 401 `device_revoked` where that happened since the call was let in.
    """
    begins, ends = quiet or (None, None)
    wanted: dict[str, bool | dt.time | None] = {kind.value: kind in kinds for kind in PushKind}
    wanted |= {"quiet_from": begins, "quiet_until": ends}
    with transaction.atomic():
        # Two changes at once queue up here, as do a change and a revocation.
        hold(authorization)
        settings = of(authorization)
        changed = [name for name, value in wanted.items() if getattr(settings, name) != value]
        if not changed:
            return settings
        for name in changed:
            setattr(settings, name, wanted[name])
        settings.changed_at = timezone.now()
        settings.save()
        record(
            "devices.push_settings_changed",
            origin=origin,
            person_id=authorization.account_id,
            subject=authorization,
            details={
                "device": authorization.title,
                "kinds": ", ".join(kind.value for kind in settings.kinds),
                "quiet": "–".join(f"{time:%H:%M}" for time in quiet or ()),
            },
        )
    return settings


def take_over(authorization: DeviceAuthorization) -> None:
    """Go on with what the same account had set on the same device before it signed in anew."""
    before = PushSettings.objects.filter(authorization__successor=authorization)
    if (newest := before.order_by("-changed_at").first()) is not None:
        before.filter(pk=newest.pk).update(authorization=authorization)


@dataclass(frozen=True)
class PushRow:
    """What the Notifications page says of one device. `service` is empty where nothing is pushed to it,
    and `why_not` says why then; `quiet` is empty without quiet hours."""

    name: str
    detail: str
    type_icon: SafeString
    url: str
    service: str
    why_not: str
    kinds: list[str]
    quiet: str
    is_this: bool

    @property
    def is_on(self) -> bool:
        return bool(self.service)


def overview(person: Person, *, this: str = "") -> list[PushRow]:
    """The person's devices and what is pushed to them, in the active language, the latest used first.

    `this` is the hash of the browser that asks (`devices.browsers.this`). At most three queries, however
    many there are; a person with more than `SHOWN` devices sees the latest.
    """
    rows = DeviceAuthorization.objects.visible_to(person).active().with_sign_in()
    rows = rows.select_related("device", "push_settings").defer("phone_number", "push_token")
    found = list(rows.order_by("-last_seen_at", "id")[:SHOWN])
    is_signed_in = push_alerts.sign_in_of(person, found)
    dates, devices = Dates.of(person), reverse("devices")
    services = {"apns": _("Apple"), "fcm": _("Google"), "webpush": _("The browser's maker")}
    icons = {kind.value: icon(kind.value) for kind in DeviceType}
    labels = {kind: str(kind.label) for kind in PushKind}
    shown = []
    for row in found:
        device = row.device
        if device is None:
            continue
        settings = push_alerts.settings_of(row)
        signed_in = is_signed_in(row)
        shown.append(
            PushRow(
                name=row.title,
                detail=str(device),
                type_icon=icons[device.device_type],
                url=f"{devices}{row.pk}/",
                service=services.get(row.push_service, "") if signed_in else "",
                why_not=_("Not switched on") if signed_in else _("Signed out"),
                kinds=[labels[kind] for kind in settings.kinds],
                quiet=in_words(settings, dates),
                is_this=bool(this) and device.identifier_hash == this,
            )
        )
    return shown


def in_words(settings: PushSettings, dates: Dates) -> str:
    """From when until when, as the reader writes times; empty without quiet hours."""
    times = (settings.quiet_from, settings.quiet_until)
    return " – ".join(format_time(time, "short", locale=dates.locale) for time in times if time is not None)
