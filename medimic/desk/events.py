"""How the rows read that the desk writes. The person whom they are about reads them, too."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from medimic.audit.models import AuditEvent
from medimic.audit.presenters import register

# What a page of the admin is about, by its model.
THINGS = {
    "accounts.person": gettext_lazy("account"),
    "devices.device": gettext_lazy("device"),
    "devices.deviceauthorization": gettext_lazy("device"),
    "outbox.delivery": gettext_lazy("delivery"),
    "outbox.service": gettext_lazy("service that takes messages over"),
    "orgs.organization": gettext_lazy("organization"),
    "orgs.membership": gettext_lazy("membership"),
    "billing.subscription": gettext_lazy("subscription"),
    "billing.invoice": gettext_lazy("invoice"),
    "billing.gatewayevent": gettext_lazy("event of the payment gateway"),
    "sessions_app.segment": gettext_lazy("row of a transcript, encrypted"),
    "sessions_app.envelope": gettext_lazy("key of a transcript, wrapped"),
    "audit.auditevent": gettext_lazy("entry of the log"),
}
# How support made sure of who asks for a factor to be removed.
IDENTITY = {
    "document": gettext_lazy("an identity document in a video call"),
    "recorded_number": gettext_lazy("a call back to the recorded phone number"),
    "organization": gettext_lazy("an admin of their organization, in writing"),
}


def register_all() -> None:
    register("desk.viewed", _viewed, title=gettext_lazy("Support looked at something"))
    register("desk.list_viewed", _list_viewed, title=gettext_lazy("Support looked at a list"))
    register("desk.device_revoked", gettext_lazy("Support revoked %(device)s. The reason given: %(reason)s"))
    register(
        "desk.block_lifted",
        gettext_lazy("Support let %(device)s be used again. The reason given: %(reason)s"),
    )
    register("desk.sign_ins_ended", gettext_lazy("Support ended all sign-ins. The reason given: %(reason)s"))
    register(
        "desk.verification_sent",
        gettext_lazy("Support asked again to verify the email address. The reason given: %(reason)s"),
    )
    register(
        "desk.delivery_resent",
        gettext_lazy("Support had a message sent again (%(message)s). The reason given: %(reason)s"),
    )
    register("desk.factors_removed", _factors_removed, title=gettext_lazy("Support removed second factors"))


def _viewed(event: AuditEvent, details: Mapping[str, Any]) -> str:
    return _("Support looked at: %(thing)s") % {"thing": THINGS.get(details["what"], details["what"])}


def _list_viewed(event: AuditEvent, details: Mapping[str, Any]) -> str:
    thing = THINGS.get(details["what"], details["what"])
    return _("Support looked at a list: %(thing)s (%(found)s)") % {"thing": thing, "found": details["found"]}


def _factors_removed(event: AuditEvent, details: Mapping[str, Any]) -> str:
    identity = IDENTITY.get(details["identity"], details["identity"])
    return _(
        "Support removed the second factors (%(number)s), having made sure of the person by %(identity)s. "
        "The reason given: %(reason)s"
    ) % {"number": details["number"], "identity": identity, "reason": details["reason"]}
