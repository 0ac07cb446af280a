"""Alerts by push: who is told what, on which of their devices.

An alert is one delivery of the outbox for each device. Nothing has to be swept for pushes to stay
away from a device that was revoked or signed out: whether it may have one is asked of its state,
when the alert is queued and again right before it is sent (`devices.push_channel`).
"""

import datetime as dt
import uuid
import zoneinfo
from collections.abc import Callable, Iterable

from django.utils import timezone, translation
from django.utils.functional import Promise

from accounts.models import Person
from devices import browser_sign_ins, push_services
from devices.models import DeviceAuthorization, DeviceAuthorizationQuerySet, PushKind, PushSettings
from medimic import crypto
from medimic.outbox.queue import Copy, enqueue_copies

COLLAPSE_PURPOSE = "push-collapse"
COLLAPSE_LENGTH = 32


def alert(
    person: Person,
    kind: PushKind,
    *,
    message: str,
    title: Promise | str,
    body: Promise | str,
    session_id: uuid.UUID,
    subject_id: uuid.UUID,
    path: str,
    collapse: str,
    stale_after: dt.timedelta,
    but: uuid.UUID | None = None,
) -> int:
    """Tell a person on each of their devices that wants it, in the transaction of what happened; on how
    many that is.

    `message` is the outbox's kind, whose guard is asked about `subject_id`; of one message about one
    subject a device is told once. `title` and `body` are generic words: services and locked screens
    read them. A later alert of the same `collapse` takes the earlier one's place on a device. `but` is
    a device that knows already.
    """
    rows = [row for row in reachable(person, kind) if row.pk != but]
    with translation.override(person.language):
        words = {"title": str(title), "body": str(body)}
    expires_at = (timezone.now() + stale_after).isoformat()
    copies = [
        Copy(
            channel=row.push_service,
            service=push_services.service_name(row.push_service, row.push_token),
            # Never the token: it is read when the alert is sent, if it is there still.
            recipient=str(row.pk),
            body={
                **words,
                "kind": kind.value,
                "session": str(session_id),
                "path": path,
                "collapse": _collapse_id(collapse, row),
                "expires_at": expires_at,
            },
            dedupe_key=f"{message}:{subject_id.hex}:{row.pk.hex}",
        )
        for row in rows
    ]
    enqueue_copies(message, copies, person_id=person.pk, subject_id=subject_id, stale_after=stale_after)
    return len(rows)


def _collapse_id(collapse: str, row: DeviceAuthorization) -> str:
    """Opaque, and another one on each device: no service learns from it what belongs together."""
    return crypto.keyed_hash(COLLAPSE_PURPOSE, f"{row.pk}\0{collapse}")[:COLLAPSE_LENGTH]


def reachable(person: Person, kind: PushKind) -> list[DeviceAuthorization]:
    """The person's devices that are to be told of this kind now: with a route, signed in, not revoked,
    wanting it, and not in their quiet hours. One query, and two more where browsers are among them."""
    if not person.is_active:
        return []
    found = list(_routed().filter(account=person).order_by("created_at", "id"))
    is_signed_in = sign_in_of(person, found)
    now, zone = timezone.now(), zoneinfo.ZoneInfo(person.time_zone)
    return [row for row in found if is_signed_in(row) and settings_of(row).wants(kind, now, zone)]


def find(authorization_id: uuid.UUID, service: str, kind: PushKind) -> DeviceAuthorization | None:
    """The authorization, if an alert of this kind may be sent to it by this service at this instant."""
    rows = _routed().select_related("account").only(*_ROUTE, *_ACCOUNT)
    row = rows.filter(pk=authorization_id, push_service=service).first()
    if row is None or row.account is None or not row.account.is_active:
        return None
    zone = zoneinfo.ZoneInfo(row.account.time_zone)
    if not settings_of(row).wants(kind, timezone.now(), zone):
        return None
    return row if sign_in_of(row.account, [row])(row) else None


def sign_in_of(person: Person, rows: Iterable[DeviceAuthorization]) -> Callable[[DeviceAuthorization], bool]:
    """Tells of each of the person's rows, from `with_sign_in`, whether somebody is signed in on it: a
    phone by its tokens, a browser by its sign-in, which a time-out ends as well."""
    has_browsers = any(row.device and row.device.is_browser for row in rows)
    in_browsers = browser_sign_ins.of_account(person).devices if has_browsers else set()

    def is_signed_in(row: DeviceAuthorization) -> bool:
        if row.device is not None and row.device.is_browser:
            return row.pk in in_browsers
        return bool(row.is_signed_in)  # type: ignore[attr-defined]

    return is_signed_in


def settings_of(row: DeviceAuthorization) -> PushSettings:
    """From a row that was read with its `push_settings`."""
    return row.push_settings if hasattr(row, "push_settings") else PushSettings()


# With all columns of the four tables, putting the query into SQL would take longer than asking it.
_ROUTE = (
    "account_id", "name", "created_at", "push_service", "push_token", "push_hash", "device__app_version",
    *(f"push_settings__{name}" for name in (*PushKind.values, "quiet_from", "quiet_until")),
)  # fmt: skip
_ACCOUNT = ("account__is_active", "account__is_staff", "account__time_zone")


def _routed() -> DeviceAuthorizationQuerySet:
    rows = DeviceAuthorization.objects.active().exclude(push_hash="").with_sign_in()
    return rows.select_related("device", "push_settings").only(*_ROUTE)
