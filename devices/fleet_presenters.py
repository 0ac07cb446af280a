"""Rows of Organization → Devices, made in Python: what an admin sees of a member's devices, and no more."""

import datetime as dt
import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Person
from devices import policies
from devices.fleet import NEVER
from devices.models import Device, DeviceAuthorization, DeviceType, FleetEntry, os_name
from devices.presenters import Status
from devices.versions import version_key
from medimic.formatting import Dates
from medimic.templatetags.look import icon
from orgs.models import Organization, Policy

Reason = DeviceAuthorization.RevokedReason
# Nothing encrypted is read, and nothing that no row shows.
SHOWN = (
    "organization_id", "person_id", "device_id", "authorization_id", "state", "sessions", "last_seen_at",
    "name_key", "provider_key", "os_key", "app_key",
    "person__first_name", "person__last_name", "person__display_name", "person__email",
    "device__model", "device__device_type", "device__platform", "device__os_version",
    "device__app_version", "device__os_version_key", "device__app_version_key", "device__place",
    "authorization__name", "authorization__revoked_at", "authorization__revoked_reason",
    "authorization__revoked_in_id", "authorization__created_at",
)  # fmt: skip


def shown(rows: "QuerySet[FleetEntry]") -> "QuerySet[FleetEntry]":
    """With what a row prints, in the same query."""
    return rows.select_related("person", "device", "authorization").only(*SHOWN)


@dataclass(frozen=True)
class FleetRow:
    """One row. `target` is what a tick sends; empty where there is nothing to end."""

    target: str
    name: str
    detail: str
    type_icon: SafeString
    provider: str
    provider_detail: str
    provider_url: str
    os: str
    app_version: str
    sessions: int
    last_active: str
    last_active_exactly: str
    status: Status
    marks: list[str]
    url: str
    revocation_url: str
    allowance_url: str
    is_pooled: bool


class FleetPresenter:
    """For one page of one organization: labels, icons and addresses are looked up once."""

    def __init__(self, organization: Organization, policy: Policy, dates: Dates, *, viewer: Person) -> None:
        self.organization = organization
        self.viewer = viewer
        self.policy = policy
        self.dates = dates
        self.prefix = reverse("organization_devices", args=[organization.slug])
        self.types = {kind.value: icon(kind.value) for kind in DeviceType}
        self.platforms = policies.known_platforms()
        self.app_keys = {name: version_key(version) for name, version in policy.lowest_app.items()}
        self.os_keys = {name: version_key(version) for name, version in policy.lowest_os.items()}
        active, inactive = _("Active"), _("Inactive")
        self.active = Status(active, "is-ok", icon("check"))
        self.signed_out = Status(active, "is-ok", icon("check"), _("signed out"))
        stop = icon("stop")
        told = {
            Reason.SELF: _("revoked by the provider"),
            Reason.DISUSE: _("revoked, not used for long"),
            Reason.STAFF: _("revoked by support"),
            Reason.ALLOWED: _("allowed again, not signed in yet"),
        }
        self.ended = {reason.value: Status(inactive, "is-off", stop, why) for reason, why in told.items()}
        self.ended_here = Status(inactive, "is-danger", stop, _("revoked by the organization"))
        # Where somebody else ended it, that is all that there is to know here.
        self.ended_elsewhere = Status(inactive, "is-off", stop, _("revoked"))
        self.pool = _("Pool")

    def rows(self, entries: Iterable[FleetEntry]) -> list[FleetRow]:
        """Two queries more, whatever their number: who is signed in, and how many use what is pooled."""
        entries = list(entries)
        signed_in = self._signed_in(entries)
        accounts = self._accounts(entries)
        return [
            self._of_pool(entry, accounts[entry.device_id])
            if entry.person is None
            else self._of_member(entry, entry.authorization_id in signed_in)
            for entry in entries
        ]

    def _signed_in(self, entries: list[FleetEntry]) -> set[uuid.UUID | None]:
        ids = [entry.authorization_id for entry in entries if entry.authorization_id]
        found = DeviceAuthorization.objects.with_state().filter(Q(is_signed_in=True), pk__in=ids)
        return set(found.select_related(None).values_list("pk", flat=True)) if ids else set()

    def _accounts(self, entries: list[FleetEntry]) -> Counter[uuid.UUID]:
        ids = [entry.device_id for entry in entries if entry.person_id is None]
        if not ids:
            return Counter()
        living = DeviceAuthorization.objects.living().filter(device__in=ids, account__isnull=False)
        return Counter(dict(living.order_by().values_list("device").annotate(number=Count("pk"))))

    def _of_member(self, entry: FleetEntry, is_signed_in: bool) -> FleetRow:
        device, authorization, person = entry.device, entry.authorization, entry.person
        if authorization is None or person is None:
            raise ValueError(f"entry {entry.pk} is of the pool")
        url = f"{self.prefix}{authorization.pk}/"
        is_active = entry.state == FleetEntry.State.ACTIVE
        is_blocked = (
            authorization.revoked_reason == Reason.ORGANIZATION
            and authorization.revoked_in_id == self.organization.pk
        )
        status = self.active if is_signed_in or device.is_browser else self.signed_out
        if not is_active:
            status = self.ended.get(authorization.revoked_reason, self.ended_elsewhere)
            status = self.ended_here if is_blocked else status
        name = authorization.name or device.model
        return FleetRow(
            # One's own are revoked under Connected Devices: nobody locks themselves out by a tick.
            target=f"a{authorization.pk.hex}" if is_active and person.pk != self.viewer.pk else "",
            name=name,
            detail="" if name == device.model else device.model,
            type_icon=self.types[device.device_type],
            provider=person.get_full_name() or person.name,
            provider_detail="",
            provider_url=f"?provider={person.pk}",
            os=self._os(device),
            app_version=device.app_version,
            sessions=entry.sessions,
            **self._when(entry.last_seen_at),
            status=status,
            marks=self.marks(entry) if is_active else [],
            url=url,
            revocation_url=f"{url}revocation/" if is_active else "",
            allowance_url=f"{url}allowance/" if is_blocked else "",
            is_pooled=False,
        )

    def _of_pool(self, entry: FleetEntry, accounts: int) -> FleetRow:
        device = entry.device
        url = f"{self.prefix}pool/{device.pk}/"
        is_active = entry.state == FleetEntry.State.ACTIVE
        return FleetRow(
            target=f"d{device.pk.hex}" if is_active else "",
            name=device.place or device.model,
            detail=device.model,
            type_icon=self.types[device.device_type],
            provider=self.pool,
            provider_detail=ngettext("%(count)d account", "%(count)d accounts", accounts)
            % {"count": accounts},
            provider_url="?pooled=yes",
            os=self._os(device),
            app_version=device.app_version,
            sessions=entry.sessions,
            **self._when(entry.last_seen_at),
            status=self.active if is_active else self.ended_here,
            marks=self.marks(entry) if is_active else [],
            url=url,
            revocation_url=f"{url}revocation/" if is_active else "",
            allowance_url="" if is_active else f"{url}allowance/",
            is_pooled=True,
        )

    def _os(self, device: Device) -> str:
        return os_name(self.platforms[device.platform], device.os_version)

    def _when(self, seen: dt.datetime) -> dict[str, str]:
        if seen == NEVER:
            return {"last_active": _("Never"), "last_active_exactly": ""}
        return {"last_active": self.dates.relative(seen), "last_active_exactly": self.dates.date_time(seen)}

    def marks(self, entry: FleetEntry) -> list[str]:
        """What of the policy an active row breaks, in words; as `devices.policies` asks the database."""
        device = entry.device
        found = []
        lowest = self.app_keys.get(device.platform, "")
        if device.app_version_key and device.app_version_key < lowest:
            found.append(_("App below %(version)s") % {"version": self.policy.lowest_app[device.platform]})
        lowest = self.os_keys.get(device.platform, "")
        if device.os_version_key and device.os_version_key < lowest:
            system = os_name(self.platforms[device.platform], self.policy.lowest_os[device.platform])
            found.append(_("Below %(system)s") % {"system": system})
        days = self.policy.unused_days
        if days and entry.person_id and entry.last_seen_at <= self.dates.now - dt.timedelta(days=days):
            found.append(_("Unused for %(days)d days") % {"days": days})
        return found
