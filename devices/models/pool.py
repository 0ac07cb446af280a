"""An organization's wish to have a member's device in its pool, which the member answers."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from devices.models.devices import Device
from orgs.models import Organization


class PoolRequestQuerySet(models.QuerySet["PoolRequest"]):
    def open(self) -> "PoolRequestQuerySet":
        return self.filter(state=PoolRequest.State.OPEN)


class PoolRequest(models.Model):
    class State(models.TextChoices):
        OPEN = "open", _("Waiting for the owner")
        ACCEPTED = "accepted", _("Accepted")
        DECLINED = "declined", _("Declined")
        WITHDRAWN = "withdrawn", _("Withdrawn")
        # The device went into a pool, or to another owner, in the meantime.
        OVERTAKEN = "overtaken", _("Overtaken")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="pool_requests")
    # Whose consent is asked for.
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="pool_requests"
    )
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    place = models.CharField(_("place"), max_length=100)
    created_at = models.DateTimeField(default=timezone.now)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    decided_at = models.DateTimeField(null=True, blank=True)

    objects = PoolRequestQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "device"], condition=Q(state="open"), name="pool_request_one_open"
            ),
            models.CheckConstraint(
                condition=Q(state="open", decided_at=None) | (~Q(state="open") & Q(decided_at__isnull=False)),
                name="pool_request_decided",
            ),
        ]
        indexes = [
            models.Index(fields=["owner"], condition=Q(state="open"), name="pool_request_waiting"),
        ]

    def __str__(self) -> str:
        return f"{self.device_id} for {self.place}"

    def decide(self, state: State) -> bool:
        """Answer it; False if it was answered before."""
        now = timezone.now()
        if not PoolRequest.objects.open().filter(pk=self.pk).update(state=state, decided_at=now):
            return False
        self.state, self.decided_at = state, now
        return True
