"""What must still be sent, and when the worker's jobs ran."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from medimic.fields import EncryptedTextField


class Delivery(models.Model):
    """One message to one recipient over one channel. The row is the queue.

    Recipient and body are encrypted, and erased once the message is sent, given
    up or no longer wanted; one that failed keeps them until it is stale, so that
    staff can have it sent again. A worker that takes it up sets a `lease_id` of its own
    and moves `due_at` to the end of the lease: a worker that dies leaves a delivery
    that falls due again, and another takes it up.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        SENT = "sent", _("Sent")
        FAILED = "failed", _("Failed")
        GIVEN_UP = "given_up", _("Given up")
        DROPPED = "dropped", _("No longer wanted")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    channel = models.CharField(_("channel"), max_length=20)
    kind = models.CharField(_("kind"), max_length=64)
    # Whose server takes it over, and what the circuit breaker counts by.
    service = models.CharField(_("service"), max_length=100, blank=True, default="")
    person_id = models.UUIDField(_("person (id)"), null=True, blank=True)
    # What the message speaks of (a registration, an invitation): asked before it is sent.
    subject_id = models.UUIDField(null=True, blank=True)
    recipient = EncryptedTextField(blank=True, default="")
    recipient_masked = models.CharField(_("recipient"), max_length=100, blank=True, default="")
    body = EncryptedTextField(blank=True, default="")
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.WAITING)
    # Counted when an attempt begins, so that a message that kills its worker runs out of them.
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    due_at = models.DateTimeField(_("due"), default=timezone.now)
    stale_at = models.DateTimeField(_("stale"))
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
                condition=(Q(state="waiting", finished_at=None) & ~Q(recipient="") & ~Q(body=""))
                | (
                    Q(state="failed", finished_at__isnull=False, lease_id=None)
                    & ~Q(recipient="")
                    & ~Q(body="")
                )
                | (
                    ~Q(state__in=("waiting", "failed"))
                    & Q(finished_at__isnull=False, recipient="", body="", lease_id=None)
                ),
                name="delivery_erased_when_finished",
            ),
        ]
        indexes = [
            # What a service is sent next, and which services are waited for.
            models.Index(
                fields=["channel", "service", "due_at", "id"],
                condition=Q(state="waiting"),
                name="delivery_next",
            ),
            models.Index(
                fields=["stale_at"], condition=Q(state__in=("waiting", "failed")), name="delivery_stale"
            ),
            models.Index(fields=["-created_at", "-id"], name="delivery_newest"),
            models.Index(fields=["finished_at"], name="delivery_finished"),
            # A person's newest, as support looks them up.
            models.Index(fields=["person_id", "-created_at", "-id"], name="delivery_of_person"),
            # One for each filter of the admin.
            models.Index(fields=["state", "-created_at", "-id"], name="delivery_by_state"),
            models.Index(fields=["channel", "-created_at", "-id"], name="delivery_by_channel"),
            models.Index(fields=["kind", "-created_at", "-id"], name="delivery_by_kind"),
            models.Index(fields=["service", "-created_at", "-id"], name="delivery_by_service"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.recipient_masked}"


class Service(models.Model):
    """How a service that takes messages over has been reached: its circuit breaker, for all workers.

    One that was never missed has no row. `failures` counts those in a row. While it is not closed,
    one delivery at a time tries it, from `next_try_at` on.
    """

    class State(models.TextChoices):
        CLOSED = "closed", _("Reached")
        OPEN = "open", _("Away")
        HALF_OPEN = "half_open", _("Away, being tried")

    name = models.CharField(_("service"), max_length=100, primary_key=True)
    channel = models.CharField(_("channel"), max_length=20)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.CLOSED)
    failures = models.PositiveIntegerField(_("failures in a row"), default=0)
    opened_at = models.DateTimeField(_("away since"), null=True, blank=True)
    next_try_at = models.DateTimeField(_("next try"), null=True, blank=True)
    last_failed_at = models.DateTimeField(_("last missed"), null=True, blank=True)
    last_error = models.CharField(_("last error"), max_length=200, blank=True, default="")

    class Meta:
        verbose_name = _("service")
        verbose_name_plural = _("services")
        constraints = [
            models.CheckConstraint(
                condition=Q(state="closed", opened_at=None, next_try_at=None)
                | (~Q(state="closed") & Q(opened_at__isnull=False, next_try_at__isnull=False)),
                name="service_says_when_it_is_tried",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class JobRun(models.Model):
    """When one of the worker's jobs is due next, so that workers side by side share the work."""

    name = models.CharField(_("job"), max_length=64, primary_key=True)
    due_at = models.DateTimeField(_("due"), default=timezone.now)
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    last_error = models.CharField(_("last error"), max_length=200, blank=True, default="")

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("jobs")

    def __str__(self) -> str:
        return self.name
