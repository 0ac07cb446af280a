"""What people are told about their devices: that one came, that one went, that a link was made for them."""

import uuid

from django.urls import reverse
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts import alerts
from accounts.models import Person
from accounts.notices import Notice
from devices.models import Device, DeviceAuthorization, PoolRequest
from medimic import sms
from medimic.audit.log import Origin
from medimic.outbox.mail import enqueue_mail
from medimic.outbox.sms import enqueue_text
from orgs.models import Organization

NEW_DEVICE = Notice(
    _("New device: %(device)s"),
    _("A device that you had not used before signed in with your account: %(device)s (%(details)s)."),
    can_be_off=True,
)
REVOKED = Notice(
    _("Revoked: %(device)s"),
    _(
        "The access of %(device)s (%(details)s) to your account was ended. "
        "Your sessions and transcripts stay."
    ),
    can_be_off=True,
)


def new_device(authorization: DeviceAuthorization, origin: Origin) -> None:
    """A device signed in that this account had not used before."""
    _alert(authorization, "devices.new_device", NEW_DEVICE, origin=origin, device_id=authorization.pk)


def revoked(authorization: DeviceAuthorization, origin: Origin) -> None:
    """A device's access ended: by the person, as it seems, or by others, whose address is not told."""
    reason = DeviceAuthorization.RevokedReason(authorization.revoked_reason)
    if reason is DeviceAuthorization.RevokedReason.SELF:
        _alert(authorization, "devices.revoked", REVOKED, origin=origin)
    else:
        _alert(authorization, "devices.revoked", REVOKED, origin=None, why=reason.label)


def _alert(
    authorization: DeviceAuthorization,
    kind: str,
    notice: Notice,
    *,
    origin: Origin | None,
    device_id: uuid.UUID | None = None,
    why: Promise | str = "",
) -> None:
    account = authorization.account
    if account is None:
        return
    with translation.override(account.language):
        facts = {"device": authorization.title, "details": str(authorization.device)}
        more = [(gettext("Why"), str(why))] if why else []
    alerts.send(
        kind,
        notice,
        person=account,
        origin=origin,
        facts=facts,
        more=more,
        subject_id=authorization.pk,
        device_id=device_id,
        with_link=origin is not None,
    )


def allowed_again(authorization: DeviceAuthorization, organization: Organization | None) -> None:
    """An organization that ended a device's access takes that back; without one, support does."""
    with translation.override(authorization.account.language if authorization.account else None):
        name = organization.name if organization else gettext("MediMic support")
    _tell(authorization, "devices.allowed_again", "devices/mail/allowed_again", organization=name)


def _tell(authorization: DeviceAuthorization, kind: str, template: str, **more: str) -> None:
    account = authorization.account
    if account is None or not account.email:
        return
    enqueue_mail(
        kind,
        to=account.email,
        template=template,
        context={
            "device": authorization.title,
            "details": str(authorization.device),
            "devices_path": reverse("devices"),
            "security_path": reverse("security"),
            **more,
        },
        person=account,
        subject_id=authorization.pk,
    )


def pool_requested(request: PoolRequest, authorization: DeviceAuthorization) -> None:
    """An organization asks to have somebody's device in its pool."""
    _tell(
        authorization,
        "devices.pool_requested",
        "devices/mail/pool_requested",
        organization=request.organization.name,
        place=request.place,
        by=request.requested_by.get_full_name(),
        request_path=reverse("pool_request", args=[request.pk]),
    )


def given_back(device: Device, to: Person, organization: Organization, place: str) -> None:
    """A device left a pool, and is somebody's own now: it counts for them."""
    row = device.authorizations.living().filter(account=to).select_related("account", "device").first()
    if row is not None:
        _tell(
            row,
            "devices.given_back",
            "devices/mail/given_back",
            organization=organization.name,
            place=place,
        )


def below_policy(authorization: DeviceAuthorization, organization: Organization, asked: str) -> None:
    """A device runs an older version than its person's organization asks for. It goes on working."""
    _tell(
        authorization,
        "devices.below_policy",
        "devices/mail/below_policy",
        organization=organization.name,
        asked=asked,
    )


def disuse(authorization: DeviceAuthorization, organization: Organization, days: int, on: str) -> None:
    """A device was not in use for long, and will be revoked unless it is used again."""
    _tell(
        authorization,
        "devices.disuse",
        "devices/mail/disuse",
        organization=organization.name,
        days=str(days),
        on=on,
    )


def link_issued(authorization: DeviceAuthorization, *, by: Person, organization: Organization | None) -> None:
    """Tell somebody that a clinician made a link that signs a device in as them.

    They have no address for mails, or the clinician would not see the link: by text, then.
    """
    account = authorization.account
    if account is None or not account.phone_number or not sms.is_available():
        return
    with translation.override(account.language):
        text = gettext(
            "MediMic: %(clinician)s of %(organization)s made a link that signs a device in as you. "
            "If you did not expect it, tell them."
        ) % {"clinician": by.name, "organization": organization}
    enqueue_text(
        "devices.link_issued",
        to=account.phone_number,
        text=text,
        person_id=account.pk,
        subject_id=authorization.pk,
    )
