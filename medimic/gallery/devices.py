"""Mails of devices."""

import datetime as dt

from devices import handover, links, notices
from devices.models import DeviceAuthorization, PoolRequest
from devices.permissions import LinkRight
from medimic.formatting import Dates
from medimic.gallery.registry import sample
from medimic.gallery.stage import Stage

ALERT, LINK = "accounts/mail/alert", "devices/mail/link"


@sample(ALERT, "A device signs in for the first time")
def new_device(stage: Stage) -> None:
    notices.new_device(stage.phone, stage.origin)


@sample(ALERT, "An organization ends a device's access: an alert without a link")
def revoked(stage: Stage) -> None:
    stage.phone.revoked_reason = DeviceAuthorization.RevokedReason.ORGANIZATION
    notices.revoked(stage.phone, stage.origin)


@sample(LINK, "Authenticate Device, by e-mail")
def link(stage: Stage) -> None:
    _link(stage, LinkRight(stage.reader, stage.reader, may_see=True))


@sample(LINK, "A clinician makes a link for a patient")
def link_of_clinician(stage: Stage) -> None:
    _link(stage, LinkRight(stage.colleague, stage.reader, may_see=False, organization=stage.clinic))


def _link(stage: Stage, right: LinkRight) -> None:
    handover.send(right, links.make(stage.awaited, by=right.by), handover.EMAIL, origin=stage.origin)


@sample("devices/mail/pool_requested", "An organization asks for a device")
def pool_requested(stage: Stage) -> None:
    request = PoolRequest.objects.create(
        organization=stage.clinic,
        device=stage.device,
        owner=stage.reader,
        requested_by=stage.colleague,
        place="Exam room 2",
    )
    notices.pool_requested(request, stage.phone)


@sample("devices/mail/given_back", "A device comes back from a pool")
def given_back(stage: Stage) -> None:
    notices.given_back(stage.phone.device or stage.device, stage.reader, stage.clinic, "Exam room 2")


@sample("devices/mail/allowed_again", "An organization takes a revocation back")
def allowed_again(stage: Stage) -> None:
    notices.allowed_again(stage.phone, stage.clinic)


@sample("devices/mail/below_policy", "A version is older than an organization asks for")
def below_policy(stage: Stage) -> None:
    notices.below_policy(stage.phone, stage.clinic, "MediMic 3.4")


@sample("devices/mail/disuse", "A device is to be revoked for disuse")
def disuse(stage: Stage) -> None:
    on = Dates.of(stage.reader).date(stage.now + dt.timedelta(days=7))
    notices.disuse(stage.phone, stage.clinic, 90, on)
