"""Who is on which plan."""

import datetime as dt
import uuid
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Person
from billing import periods
from billing.catalogue import PLANS, TIERS, Plan
from orgs.models import Organization

# How long somebody who has not paid goes on as before.
GRACE = dt.timedelta(days=14)


class GatewayName(models.TextChoices):
    OFFLINE = "offline", _("Invoice")
    STRIPE = "stripe", "Stripe"


class Status(models.TextChoices):
    """How a subscription stands at an instant. It follows from its columns, and is no column."""

    ACTIVE = "active", pgettext_lazy("subscription", "Active")
    PAST_DUE = "past_due", pgettext_lazy("subscription", "Past due")
    READ_ONLY = "read_only", pgettext_lazy("subscription", "Read-only")
    CANCELED = "canceled", pgettext_lazy("subscription", "Ended")


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    def living(self) -> "SubscriptionQuerySet":
        return self.filter(ended_at=None)

    def of_holder(
        self, *, person: Person | None, organization: Organization | None
    ) -> "SubscriptionQuerySet":
        return self.filter(person=person, organization=organization)

    def held_by(self, person: Person, organizations: Iterable[uuid.UUID]) -> "SubscriptionQuerySet":
        """A person's own, and those of the organizations given."""
        return (
            self.filter(Q(person=person) | Q(organization__in=list(organizations)))
            .select_related("organization")
            .order_by("anchor_at", "id")
        )


class Subscription(models.Model):
    """One holder's plan, from `anchor_at` on: a person's own or an organization's.

    Periods are counted in calendar months from `anchor_at` (`billing.periods`).
    The price is kept as it was agreed, per month (and seat), in minor units, and so is
    the rate of the tax that comes on top.

    `period_start` and `period_end` are the last period that was charged: the renewal
    is due at `period_end`, and what was chosen for it (`cancel_at_period_end`,
    `next_plan_code`) happens then. `seats` are those paid in that period. How it stands
    is `status(at)`: it follows from `past_due_since`, so that no job has to run for it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="subscriptions",
    )
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, null=True, blank=True, related_name="subscriptions"
    )
    plan_code = models.CharField(_("plan"), max_length=20, choices=[(plan.code, plan.name) for plan in TIERS])
    price_minor = models.PositiveIntegerField(_("price per month and seat, in minor units"))
    currency = models.CharField(_("currency"), max_length=3)
    tax_basis_points = models.PositiveSmallIntegerField(_("tax rate, in hundredths of a percent"), default=0)
    seats = models.PositiveIntegerField(_("paid seats"), default=1)
    anchor_at = models.DateTimeField(_("started"), default=timezone.now)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    period_start = models.DateTimeField(_("period from"), null=True, blank=True)
    period_end = models.DateTimeField(_("renewal"), null=True, blank=True)
    cancel_at_period_end = models.BooleanField(_("ends with the period"), default=False)
    next_plan_code = models.CharField(_("plan from the renewal on"), max_length=20, blank=True, default="")
    past_due_since = models.DateTimeField(_("past due since"), null=True, blank=True)
    # The day of the grace (0, 7, 13) that was told of last.
    reminded_day = models.PositiveSmallIntegerField(null=True, blank=True, editable=False)
    gateway = models.CharField(
        _("gateway"), max_length=10, choices=GatewayName.choices, default=GatewayName.OFFLINE
    )
    gateway_customer = models.CharField(_("customer there"), max_length=255, blank=True, default="")
    gateway_subscription = models.CharField(_("subscription there"), max_length=255, blank=True, default="")
    # "Visa •••• 4242", as the gateway last told; empty where there is none.
    payment_method = models.CharField(_("payment method"), max_length=80, blank=True, default="")
    # Whom invoices are written to; without a name, the holder.
    bill_to_name = models.CharField(_("billed to"), max_length=200, blank=True, default="")
    bill_to_address = models.TextField(_("address"), max_length=500, blank=True, default="")
    bill_to_tax_id = models.CharField(_("tax number"), max_length=40, blank=True, default="")

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        verbose_name = _("subscription")
        verbose_name_plural = _("subscriptions")
        constraints = [
            models.CheckConstraint(
                condition=Q(person=None, organization__isnull=False)
                | Q(person__isnull=False, organization=None),
                name="subscription_has_one_holder",
            ),
            models.UniqueConstraint(
                fields=["person"], condition=Q(ended_at=None), name="subscription_one_living_person"
            ),
            models.UniqueConstraint(
                fields=["organization"],
                condition=Q(ended_at=None),
                name="subscription_one_living_organization",
            ),
            models.UniqueConstraint(
                fields=["gateway", "gateway_subscription"],
                condition=~Q(gateway_subscription=""),
                name="subscription_once_at_gateway",
            ),
            models.CheckConstraint(condition=Q(seats__gte=1), name="subscription_has_a_seat"),
            models.CheckConstraint(
                condition=Q(cancel_at_period_end=False) | Q(next_plan_code=""),
                name="subscription_one_thing_next",
            ),
            models.CheckConstraint(
                condition=Q(period_start=None, period_end=None) | Q(period_start__lt=F("period_end")),
                name="subscription_period",
            ),
        ]
        indexes = [
            models.Index(fields=["period_end"], condition=Q(ended_at=None), name="subscription_renewal_due"),
            models.Index(
                fields=["past_due_since"],
                condition=Q(ended_at=None, past_due_since__isnull=False),
                name="subscription_past_due",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan.name} · {self.person or self.organization}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self._state.adding and self.period_end is None:
            now = max(timezone.now(), self.anchor_at)
            period = periods.period_containing(now, self.anchor_at)
            self.period_start, self.period_end = period.start, period.end
        super().save(*args, **kwargs)

    @property
    def plan(self) -> Plan:
        return PLANS[self.plan_code]

    @property
    def next_plan(self) -> Plan | None:
        """The plan that was chosen for the renewal; None where it stays."""
        return PLANS[self.next_plan_code] if self.next_plan_code else None

    @property
    def period(self) -> periods.Period:
        """The last one that was charged."""
        if self.period_start is None or self.period_end is None:
            return periods.period_containing(timezone.now(), self.anchor_at)
        return periods.Period(self.period_start, self.period_end)

    @property
    def read_only_from(self) -> dt.datetime | None:
        """When the grace of somebody who has not paid ends; None while all is paid."""
        return self.past_due_since + GRACE if self.past_due_since else None

    def status(self, at: dt.datetime) -> Status:
        if self.ended_at is not None:
            return Status.CANCELED
        if self.read_only_from is None:
            return Status.ACTIVE
        return Status.PAST_DUE if at < self.read_only_from else Status.READ_ONLY
