"""Whether somebody may grow: start sessions and add devices. Reading, exporting and revoking always work.

Who has not paid goes on as before for 14 days (`billing.models.subscriptions.GRACE`), and is then
read-only until they pay. It follows from when the invoice fell due: no job has to run for it.
"""

import datetime as dt

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from billing.entitlements import Payer
from billing.models import Status, Subscription
from medimic.problems import Problem
from orgs.models import Organization


def status_of(payer: Payer, *, at: dt.datetime) -> Status:
    """How the payer's subscription stands; active for whoever has none, guests among them."""
    if payer.guest_device_hash:
        return Status.ACTIVE
    subscription = (
        Subscription.objects.living()
        .filter(person=payer.person_id, organization=payer.organization_id)
        .first()
    )
    return subscription.status(at) if subscription else Status.ACTIVE


def may_grow(payer: Payer, *, at: dt.datetime) -> bool:
    return status_of(payer, at=at) is not Status.READ_ONLY


def require(payer: Payer, *, at: dt.datetime) -> None:
    """Raises `PaymentRequired` where the payer may not grow."""
    if not may_grow(payer, at=at):
        raise PaymentRequired(
            Organization.objects.get(pk=payer.organization_id) if payer.organization_id else None
        )


class PaymentRequired(Problem):
    """402: the plan is read-only until it is paid."""

    def __init__(self, organization: Organization | None = None) -> None:
        if organization is None:
            detail = _(
                "An invoice of your plan has been due for more than 14 days, so nothing new can be started. "
                "What there is stays readable. Pay it under Billing to go on."
            )
            where = reverse("billing")
        else:
            detail = _(
                "An invoice of your organization has been due for more than 14 days, so nothing new can be "
                "started under its plan. What there is stays readable. An admin can pay it under Billing."
            )
            where = reverse("organization_billing", args=[organization.slug])
        super().__init__(402, "payment_required", detail, pay_at=settings.PORTAL_URL + where)
