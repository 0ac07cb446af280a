"""How the audit log's rows about devices read."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from devices import receipts
from devices.models import DeviceAuthorization, PolicyWarning, PushKind
from medimic.audit.models import AuditEvent
from medimic.audit.presenters import register as present


def register() -> None:
    present("devices.link_issued", gettext_lazy("Made a link to sign in a device: %(device)s"))
    present("devices.link_issued_anew", gettext_lazy("Made a new link for %(device)s; the old one ended"))
    present("devices.link_sent", gettext_lazy("Sent the link for %(device)s to %(to)s"))
    present("devices.link_cancelled", gettext_lazy("Cancelled the link for %(device)s"))
    present("devices.signed_in", gettext_lazy("Signed in on %(device)s (%(model)s)"))
    present("devices.sign_in_refused", _sign_in_refused, title=gettext_lazy("Refused a device's sign-in"))
    present(
        "devices.confirmation_asked",
        gettext_lazy("%(model)s used the link for %(device)s"),
        title=gettext_lazy("Used a device link"),
    )
    present("devices.confirmed", gettext_lazy("Confirmed the sign-in on %(device)s"))
    present("devices.confirmation_refused", _confirmation_refused, title=gettext_lazy("Refused a device"))
    present("devices.signed_out", gettext_lazy("Signed out on %(device)s"))
    present("devices.session_token_ended", gettext_lazy("Left a session on %(device)s"))
    present("devices.token_reused", gettext_lazy("Signed %(device)s out: a spent token was used again"))
    present(
        "devices.updated",
        gettext_lazy("%(device)s reported a change: %(changed)s"),
        title=gettext_lazy("Reported a change of a device"),
    )
    present("devices.alerts_turned_on", gettext_lazy("Turned on alerts in %(device)s"))
    present("devices.alerts_turned_off", gettext_lazy("Turned off alerts in %(device)s"))
    present("devices.renamed", gettext_lazy("Renamed %(before)s to %(device)s"))
    present("devices.guest_registered", gettext_lazy("Registered a guest's device: %(device)s"))
    present("devices.revoked", _revoked, title=gettext_lazy("Revoked a device"))
    present("devices.allowed_again", gettext_lazy("Let %(device)s be used again"))
    present("devices.bulk_revoked", _bulk_revoked, title=gettext_lazy("Revoked several devices in one act"))
    present("devices.fleet_exported", gettext_lazy("Exported the organization's devices: %(devices)s"))
    present(
        "devices.pool_requested",
        gettext_lazy("%(organization)s asked to take %(device)s into its pool: %(place)s"),
        title=gettext_lazy("Asked for a device for the pool"),
    )
    present(
        "devices.pool_declined",
        gettext_lazy("Kept %(device)s out of the pool of %(organization)s"),
        title=gettext_lazy("Kept a device out of the pool"),
    )
    present(
        "devices.pool_withdrawn",
        gettext_lazy("%(organization)s no longer asks for %(device)s (%(place)s)"),
        title=gettext_lazy("No longer asked for a device for the pool"),
    )
    present(
        "devices.pooled",
        gettext_lazy("%(device)s went into the pool of %(organization)s: %(place)s"),
        title=gettext_lazy("Took a device into the pool"),
    )
    present("devices.pool_moved", gettext_lazy("Moved the pooled %(device)s from %(before)s to %(place)s"))
    present("devices.pool_left", _pool_left, title=gettext_lazy("Gave a pooled device back"))
    present(
        "devices.pool_revoked",
        gettext_lazy("Revoked the pooled %(device)s (%(place)s) for all accounts: %(accounts)s"),
    )
    present("devices.pool_allowed_again", gettext_lazy("Let the pooled %(device)s (%(place)s) be used again"))
    present("devices.policy_changed", _policy_changed, title=gettext_lazy("Changed the policies"))
    present(
        "devices.push_settings_changed",
        _push_settings_changed,
        title=gettext_lazy("Changed a device's notifications"),
    )
    present(
        "devices.push_ended",
        gettext_lazy("%(device)s can no longer be reached by notifications"),
        title=gettext_lazy("A device can no longer be reached by notifications"),
    )
    present(
        "devices.policy_warned", _policy_warned, title=gettext_lazy("Warned of a device that breaks a policy")
    )


def _revoked(event: AuditEvent, details: Mapping[str, Any]) -> str:
    reasons = DeviceAuthorization.RevokedReason
    if details["reason"] == reasons.SELF:
        told = _("Revoked %(device)s") % details
    else:
        label = str(reasons(details["reason"]).label)
        told = _("%(device)s: %(reason)s") % {**details, "reason": label}
    if details.get("unrecognized"):
        told = _("%(told)s, not recognized") % {"told": told}
    ended = [f"{line.label} {line.ended}" for line in receipts.lines(details) if line.ended]
    return _("%(told)s. Ended: %(ended)s") % {"told": told, "ended": ", ".join(ended)} if ended else told


def _bulk_revoked(event: AuditEvent, details: Mapping[str, Any]) -> str:
    return ngettext(
        "Revoked %(devices)s device of the organization in one act",
        "Revoked %(devices)s devices of the organization in one act",
        int(details["devices"]),
    ) % dict(details)


def _pool_left(event: AuditEvent, details: Mapping[str, Any]) -> str:
    if details.get("receiver"):
        return _("%(device)s (%(place)s) left the pool of %(organization)s for %(receiver)s") % details
    return _("%(device)s (%(place)s) left the pool of %(organization)s") % details


def _policy_changed(event: AuditEvent, details: Mapping[str, Any]) -> str:
    if details.get("before"):
        return _("Changed the policy for devices: %(after)s (before: %(before)s)") % details
    return _("Changed the policy for devices: %(after)s") % details


def _policy_warned(event: AuditEvent, details: Mapping[str, Any]) -> str:
    """`about` is the version asked for, or the days of disuse ("60" or "60 d")."""
    if details["kind"] != PolicyWarning.Kind.DISUSE:
        return _("Warned of %(device)s: older than %(about)s") % details
    days = int(str(details["about"]).split()[0])
    return ngettext(
        "Warned of %(device)s: to be revoked after %(days)d day without use",
        "Warned of %(device)s: to be revoked after %(days)d days without use",
        days,
    ) % {**details, "days": days}


def _push_settings_changed(event: AuditEvent, details: Mapping[str, Any]) -> str:
    wanted = details["kinds"].split(", ") if details["kinds"] else []
    labels = ", ".join(str(PushKind(kind).label) for kind in wanted) or _("none")
    if details["quiet"]:
        told = _("Changed the notifications of %(device)s: %(kinds)s. Quiet hours: %(quiet)s")
    else:
        told = _("Changed the notifications of %(device)s: %(kinds)s")
    return told % {**details, "kinds": labels}


def _confirmation_refused(event: AuditEvent, details: Mapping[str, Any]) -> str:
    if details.get("mistaken") is True:
        return _("Picked wrong digits for %(device)s: its sign-in ended") % details
    return _("Refused the sign-in on %(device)s") % details


def _sign_in_refused(event: AuditEvent, details: Mapping[str, Any]) -> str:
    why = {
        "registration_expired": _("its link had expired"),
        "registration_used": _("its link had been used before"),
        "registration_cancelled": _("its link had been cancelled"),
        "device_limit": _("the plan allows no further device"),
        "device_blocked": _("the organization or support had ended its access"),
        "account_inactive": _("the account is closed"),
    }
    reason = why.get(details["code"], details["code"])
    return _("A sign-in on %(device)s was refused: %(reason)s") % {**details, "reason": reason}
