"""The audit log's rows, and what seals them. Tables and triggers are made by migration.

The models are unmanaged, so that `flush` leaves the log alone: its triggers would
refuse, and with them every test that empties tables. A row points to people,
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
            # A person's log, narrowed down by what happened.
            models.Index(
                fields=["person_id", "kind", "created_at", "id"],
                condition=models.Q(person_id__isnull=False),
                name="audit_person_kind",
            ),
            models.Index(
                fields=["actor_id", "kind", "created_at", "id"],
                condition=models.Q(actor_id__isnull=False),
                name="audit_actor_kind",
            ),
            # What the sealer has before it.
            models.Index(
                fields=["created_at", "id"],
                condition=models.Q(position__isnull=True),
                name="audit_unsealed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        raise TypeError("Audit events are written by medimic.audit.log.record alone.")

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("Audit events are never deleted.")


class Checkpoint(models.Model):
    """A batch of rows, sealed: `root` is that of the tree over its rows, `count` how many rows there
    are up to its end. `previous` is the hash of the statement before, so that they hang together.

    `leaves` holds the 32-byte hashes of the batch's rows in their order. Where `key` is a new one,
    `succeeds` names the one before, which signs the same statement as `consent`.
    """

    batch = models.BigIntegerField(primary_key=True)
    count = models.BigIntegerField()
    root = models.CharField(max_length=64)
    previous = models.CharField(max_length=64)
    made_at = models.DateTimeField()
    key = models.CharField(max_length=64)
    succeeds = models.CharField(max_length=64, blank=True, default="")
    signature = models.CharField(max_length=128)
    consent = models.CharField(max_length=128, blank=True, default="")
    leaves = models.BinaryField()

    class Meta:
        managed = False
        db_table = "audit_checkpoint"
        default_permissions = ()
        indexes = [models.Index(fields=["batch"], condition=~models.Q(succeeds=""), name="audit_takeover")]

    def __str__(self) -> str:
        return f"checkpoint {self.batch}"


class Prune(models.Model):
    """Leave to delete the rows up to `count`, which were made before `before`; signed like a checkpoint."""

    batch = models.BigIntegerField(primary_key=True)
    count = models.BigIntegerField()
    before = models.DateTimeField()
    made_at = models.DateTimeField()
    key = models.CharField(max_length=64)
    signature = models.CharField(max_length=128)

    class Meta:
        managed = False
        db_table = "audit_prune"
        default_permissions = ()

    def __str__(self) -> str:
        return f"prune up to batch {self.batch}"


class Head(models.Model):
    """The last number that a person's or an organization's log has come to. Outlives the rows."""

    scope = models.CharField(primary_key=True, max_length=50)
    number = models.BigIntegerField()
    mac = models.CharField(max_length=64)
    mac_key = models.CharField(max_length=16)

    class Meta:
        managed = False
        db_table = "audit_head"
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.scope} {self.number}"
