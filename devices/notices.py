"""What people are told about their devices by mail: that one came, that one went."""

from django.urls import reverse

from devices.models import DeviceAuthorization
from medimic.outbox.mail import enqueue_mail


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
