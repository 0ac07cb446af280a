"""Who is on which plan, and how much of it is used."""

import uuid
from collections.abc import Iterable

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Person
from billing.catalogue import PLANS, TIERS, Plan
from orgs.models import Organization


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    def living(self) -> "SubscriptionQuerySet":
        return self.filter(ended_at=None)

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
    The price is kept as it was agreed, per month, in minor units.
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
    anchor_at = models.DateTimeField(_("started"), default=timezone.now)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

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
        ]

    def __str__(self) -> str:
        return f"{self.plan.name} · {self.person or self.organization}"

    @property
    def plan(self) -> Plan:
        return PLANS[self.plan_code]


class UsagePeriod(models.Model):
    """How many sessions one payer has used in one period.

    The payer is a person, an organization or a guest's device (by the hash of
    its identifier, so that a reinstall finds the same row). `starts_at` is the
    period's first instant; quotas that never reset stand under `EVER`.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, null=True, related_name="+")
    guest_device_hash = models.CharField(max_length=64, blank=True, default="")
    starts_at = models.DateTimeField()
    used = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=(
                    Q(person__isnull=False, organization=None, guest_device_hash="")
                    | Q(person=None, organization__isnull=False, guest_device_hash="")
                    | (Q(person=None, organization=None) & ~Q(guest_device_hash=""))
                ),
                name="usage_has_one_payer",
            ),
            models.UniqueConstraint(
                fields=["person", "starts_at"], condition=Q(person__isnull=False), name="usage_person_period"
            ),
            models.UniqueConstraint(
                fields=["organization", "starts_at"],
                condition=Q(organization__isnull=False),
                name="usage_organization_period",
            ),
            models.UniqueConstraint(
                fields=["guest_device_hash", "starts_at"],
                condition=~Q(guest_device_hash=""),
                name="usage_guest_period",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.used} since {self.starts_at:%Y-%m-%d}"


class SessionUse(models.Model):
    """One session charged to a period, once: the line behind the counter."""

    session_id = models.UUIDField(primary_key=True)
    period = models.ForeignKey(UsagePeriod, on_delete=models.PROTECT, related_name="uses")
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return str(self.session_id)
