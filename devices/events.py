"""How the audit log's rows about devices read."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from devices import receipts
from devices.models import DeviceAuthorization
from medimic.audit.models import AuditEvent
from medimic.audit.presenters import register as present


def register() -> None:
    present("devices.link_issued", gettext_lazy("Made a link to sign in a device: %(device)s"))
    present("devices.link_issued_anew", gettext_lazy("Made a new link for %(device)s; the old one ended"))
    present("devices.link_sent", gettext_lazy("Sent the link for %(device)s to %(to)s"))
    present("devices.link_cancelled", gettext_lazy("Cancelled the link for %(device)s"))
    present("devices.signed_in", gettext_lazy("Signed in on %(device)s (%(model)s)"))
    present("devices.sign_in_refused", _sign_in_refused)
    present("devices.confirmation_asked", gettext_lazy("%(model)s used the link for %(device)s"))
    present("devices.confirmed", gettext_lazy("Confirmed the sign-in on %(device)s"))
    present("devices.confirmation_refused", _confirmation_refused)
    present("devices.signed_out", gettext_lazy("Signed out on %(device)s"))
    present("devices.session_token_ended", gettext_lazy("Left a session on %(device)s"))
    present("devices.token_reused", gettext_lazy("Signed %(device)s out: a spent token was used again"))
    present("devices.updated", gettext_lazy("%(device)s reported a change: %(changed)s"))
    present("devices.renamed", gettext_lazy("Renamed %(before)s to %(device)s"))
    present("devices.guest_registered", gettext_lazy("Registered a guest's device: %(device)s"))
    present("devices.revoked", _revoked)


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
