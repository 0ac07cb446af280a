"""Sessions: visits between a provider and a patient. The class is `Visit`, since
Django has a `Session` of its own; people and the API read "session"."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from devices.models import DeviceAuthorization
from orgs.models import Organization


class Visit(models.Model):
    """One session. Its status follows from its instants, never from a job that runs later."""

    class Mode(models.TextChoices):
        SHARED_DEVICE = "shared_device", _("Shared Device")
        TWO_DEVICE = "two_device", _("Two-Device")

    class Status(models.TextChoices):
        ACTIVE = "active", _("Active")
        ENDED = "ended", _("Ended")
        EXPIRED = "expired", _("Expired")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("session name"), max_length=120)
    code = models.CharField(_("session code"), max_length=6)
    mode = models.CharField(_("mode"), max_length=14, choices=Mode.choices)
    host = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="hosted_visits",
    )
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, null=True, blank=True, related_name="visits"
    )
    authorization = models.ForeignKey(DeviceAuthorization, on_delete=models.PROTECT, related_name="visits")
    started_at = models.DateTimeField(_("start"), default=timezone.now)
    expires_at = models.DateTimeField(_("expires"))
    ended_at = models.DateTimeField(_("end"), null=True, blank=True)
    idempotency_key = models.CharField(max_length=128, blank=True, default="", editable=False)
    request_digest = models.CharField(max_length=64, blank=True, default="", editable=False)

    class Meta:
        verbose_name = _("session")
        verbose_name_plural = _("sessions")
        constraints = [
            models.UniqueConstraint(
                fields=["authorization", "idempotency_key"],
                condition=~Q(idempotency_key=""),
                name="visit_idempotent",
            ),
            models.CheckConstraint(
                condition=Q(expires_at__gt=models.F("started_at")), name="visit_expires_later"
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None) | Q(ended_at__gte=models.F("started_at")), name="visit_ends_later"
            ),
        ]
        indexes = [
            models.Index(fields=["host", "-started_at", "-id"], name="visit_by_host"),
            models.Index(fields=["code"], condition=Q(ended_at=None), name="visit_by_open_code"),
            models.Index(fields=["authorization", "-started_at"], name="visit_by_authorization"),
            models.Index(fields=["organization", "-started_at"], name="visit_by_organization"),
        ]

    def __str__(self) -> str:
        # Never the name: this text reaches logs and the admin.
        return str(self.id)


class Participant(models.Model):
    """Somebody in a session: an account, or a guest who gave a name."""

    class Role(models.TextChoices):
        PROVIDER = "provider", _("Provider")
        PATIENT = "patient", _("Patient")
        INTERPRETER = "interpreter", _("Interpreter")
        OTHER = "other", _("Other")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, related_name="participants")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="participations",
    )
    authorization = models.ForeignKey(
        DeviceAuthorization, on_delete=models.PROTECT, null=True, blank=True, related_name="participations"
    )
    name = models.CharField(_("name"), max_length=120)
    role = models.CharField(_("role"), max_length=12, choices=Role.choices)
    is_host = models.BooleanField(default=False)
    joined_at = models.DateTimeField(_("joined"), default=timezone.now)
    left_at = models.DateTimeField(_("left"), null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["visit"], condition=Q(is_host=True), name="participant_one_host"),
        ]
        indexes = [models.Index(fields=["person", "visit"])]

    def __str__(self) -> str:
        return str(self.id)
