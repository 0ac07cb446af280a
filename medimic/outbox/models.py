"""What must still be sent."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from medimic.fields import EncryptedTextField


class Delivery(models.Model):
    """One message to one recipient over one channel.

    Recipient and body are encrypted, and erased once the message is sent, given
    up or no longer wanted. While a worker has it, `lease_until` lies ahead; a
    worker that died leaves a lease that runs out, and another takes it up.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        SENT = "sent", _("Sent")
        GIVEN_UP = "given_up", _("Given up")
        DROPPED = "dropped", _("No longer wanted")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    channel = models.CharField(_("channel"), max_length=20)
    kind = models.CharField(_("kind"), max_length=64)
    person_id = models.UUIDField(null=True, blank=True)
    # What the message speaks of (a registration, an invitation): asked before it is sent.
    subject_id = models.UUIDField(null=True, blank=True)
    recipient = EncryptedTextField(blank=True, default="")
    recipient_masked = models.CharField(_("recipient"), max_length=100, blank=True, default="")
    body = EncryptedTextField(blank=True, default="")
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    due_at = models.DateTimeField(_("due"), default=timezone.now)
    stale_at = models.DateTimeField(_("stale"))
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_id = models.UUIDField(null=True, blank=True)
    last_error = models.CharField(_("last error"), max_length=200, blank=True, default="")
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    dedupe_key = models.CharField(max_length=100, null=True, blank=True, unique=True)

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        constraints = [
            models.CheckConstraint(
                condition=(Q(state="waiting", finished_at=None) & ~Q(recipient=""))
                | (~Q(state="waiting") & Q(finished_at__isnull=False, recipient="", body="")),
                name="delivery_erased_when_finished",
            ),
            models.CheckConstraint(
                condition=Q(lease_id=None, lease_until=None)
                | Q(lease_id__isnull=False, lease_until__isnull=False),
                name="delivery_lease_pair",
            ),
        ]
        indexes = [
            models.Index(fields=["due_at", "id"], condition=Q(state="waiting"), name="delivery_due"),
            models.Index(fields=["-created_at", "-id"], name="delivery_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.recipient_masked}"
