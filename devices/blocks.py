"""Lifting a block: a device whose access an organization or support ended is let in again.

Whoever ended it can allow it again (`devices.actions.allow_again`, for organizations). Support lifts what
support ended, and an organization's block only where nobody is left there whom the person could ask:
they work there no longer, or it has no admin.
"""

from django.db import transaction

from accounts.models import Person
from devices import ownership
from devices.actions import note_allowed
from devices.models import DeviceAuthorization
from medimic.audit.log import Origin
from orgs.models import Membership, Organization

Reason = DeviceAuthorization.RevokedReason


class AskThem(Exception):
    """The organization ended it, and its admins can allow it again."""

    def __init__(self, organization: Organization) -> None:
        super().__init__("an admin of the organization can lift it")
        self.organization = organization


def may_lift(authorization: DeviceAuthorization) -> bool:
    """Whether support can; False where there is no block. Raises `AskThem`."""
    if authorization.device_id is None or authorization.revoked_reason not in (
        Reason.STAFF,
        Reason.ORGANIZATION,
    ):
        return False
    organization = authorization.revoked_in
    if authorization.revoked_reason == Reason.STAFF or organization is None:
        return True
    belongs = Membership.objects.living().filter(organization=organization, person=authorization.account_id)
    if belongs.exists() and organization.memberships.admins().exists():
        raise AskThem(organization)
    return True


def lift(*, authorization: DeviceAuthorization, by: Person, origin: Origin) -> bool:
    """Let its account sign in on it again; False where nothing blocks it. Raises `AskThem`.

    Nothing of before comes back: it takes a sign-in, or a new link.
    """
    with transaction.atomic():
        device = ownership.lock(authorization.device_id)
        authorization.refresh_from_db(fields=["revoked_reason", "revoked_in", "device"])
        if device is None or not may_lift(authorization) or not authorization.lift_block():
            return False
        note_allowed(
            authorization, device, by=None, organization_id=authorization.revoked_in_id, origin=origin
        )
        return True
