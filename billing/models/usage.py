"""How many sessions a payer has used, and the lines behind the counter."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from orgs.models import Organization


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
    # What support granted on top of the plan's quota.
    extra = models.PositiveIntegerField(default=0)
    # The plan for which it was told that most of its quota is used: once for each.
    noted_plan_code = models.CharField(max_length=20, blank=True, default="")

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
