"""The audit log's rows. Their table and its triggers are made by migration.

The model is unmanaged, so that `flush` leaves the log alone: its triggers would
refuse, and with them every test that empties tables. It points to people,
organizations and objects by id alone: rows outlive them.
"""

import uuid
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class ActorKind(models.TextChoices):
    PERSON = "person", _("Person")
    STAFF = "staff", _("Support")
    DEVICE = "device", _("Device")
    GUEST = "guest", _("Guest")
    ANONYMOUS = "anonymous", _("Not signed in")
    SYSTEM = "system", _("System")


class AuditEvent(models.Model):
    """Who did what to which object, when, from which address and agent.

    `person_id` is whose log it belongs to, beside the actor's; `salt` and `mac`
    cover the content. The sealer alone fills the last four columns, once.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    created_at = models.DateTimeField(_("when"), default=timezone.now)
    kind = models.CharField(_("what"), max_length=64)
    actor_kind = models.CharField(_("who"), max_length=10, choices=ActorKind.choices)
    actor_id = models.UUIDField(_("who (id)"), null=True)
    person_id = models.UUIDField(_("person (id)"), null=True)
    organization_id = models.UUIDField(_("organization (id)"), null=True)
    object_type = models.CharField(_("kind of object"), max_length=40, blank=True, default="")
    object_id = models.CharField(_("object (id)"), max_length=64, blank=True, default="")
    address = models.CharField(_("address"), max_length=45, blank=True, default="")
    agent = models.CharField(_("agent"), max_length=300, blank=True, default="")
    # Text, not JSON: the database must give back the very characters that the code covers.
    details = models.TextField(_("details"), default="{}")
    salt = models.CharField(max_length=32)
    mac = models.CharField(max_length=64)
    mac_key = models.CharField(max_length=16)
    position = models.BigIntegerField(null=True, unique=True)
    batch = models.BigIntegerField(null=True)
    person_position = models.BigIntegerField(null=True)
    organization_position = models.BigIntegerField(null=True)

    class Meta:
        # Whoever changes fields or indexes writes the migration's operation by hand.
        managed = False
        db_table = "audit_event"
        verbose_name = _("audit event")
        verbose_name_plural = _("audit events")
        default_permissions = ("view",)
        indexes = [
            models.Index(fields=["person_id", "created_at", "id"], name="audit_person"),
            models.Index(fields=["organization_id", "created_at", "id"], name="audit_organization"),
            models.Index(fields=["created_at", "id"], name="audit_newest"),
            models.Index(fields=["actor_id", "created_at", "id"], name="audit_actor"),
            models.Index(fields=["kind", "created_at", "id"], name="audit_kind"),
            # An organization's log, narrowed down; rows of no organization are in none of them.
            models.Index(
                fields=["organization_id", "kind", "created_at", "id"],
                condition=models.Q(organization_id__isnull=False),
                name="audit_organization_kind",
            ),
            models.Index(
                fields=["organization_id", "person_id", "created_at", "id"],
                condition=models.Q(organization_id__isnull=False),
                name="audit_organization_person",
            ),
            models.Index(
                fields=["organization_id", "actor_id", "created_at", "id"],
                condition=models.Q(organization_id__isnull=False),
                name="audit_organization_actor",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        raise TypeError("Audit events are written by medimic.audit.log.record alone.")

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("Audit events are never deleted.")
