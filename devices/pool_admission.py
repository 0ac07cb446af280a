"""Who may sign in on a device of a pool."""

import uuid

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing import standing
from billing.catalogue import Feature
from billing.entitlements import Payer, terms_of
from devices.models import Device
from medimic.problems import Problem


def is_included(organization_id: uuid.UUID) -> bool:
    """Whether the organization's plan has a pool now."""
    terms = terms_of(Payer(organization_id=organization_id), at=timezone.now())
    return Feature.POOL in terms.plan.features


def refuse_closed(device: Device, *, is_known: bool) -> None:
    """Raises `Problem` for a sign-in on a pooled device that was revoked (403 `device_blocked`), or of
    a new account where the organization's plan has no pool any more (403 `pool_closed`) or has
    yet to be paid (402 `payment_required`).

    The caller holds the device's lock.
    """
    if device.owner_organization_id is None:
        return
    if device.pool_ended_at is not None:
        raise Problem(403, "device_blocked", _("The organization that this device belongs to ended its use."))
    if not is_known and not is_included(device.owner_organization_id):
        raise Problem(
            403,
            "pool_closed",
            _("This device is in a pool that takes no further accounts. Use another device."),
        )
    if not is_known:
        standing.require(Payer(organization_id=device.owner_organization_id), at=timezone.now())
