"""What people are told about their devices: that one came, that one went, that a link was made for them."""

from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext

from accounts.models import Person
from devices.models import DeviceAuthorization
from medimic import sms
from medimic.outbox.mail import enqueue_mail
from medimic.outbox.sms import enqueue_text
from orgs.models import Organization


def new_device(authorization: DeviceAuthorization) -> None:
    """A device signed in that this account had not used before."""
    _tell(authorization, "devices.new_device", "devices/mail/new_device")


def revoked(authorization: DeviceAuthorization) -> None:
    """A device's access ended."""
    _tell(authorization, "devices.revoked", "devices/mail/revoked")


def _tell(authorization: DeviceAuthorization, kind: str, template: str) -> None:
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
        },
        person=account,
        subject_id=authorization.pk,
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
