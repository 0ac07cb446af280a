import uuid

import django.utils.timezone
from django.db import migrations, models

from medimic.audit import triggers

FIELDS: list[tuple[str, models.Field]] = [
    ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
    ("created_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="when")),
    ("kind", models.CharField(max_length=64, verbose_name="what")),
    (
        "actor_kind",
        models.CharField(
            choices=[
                ("person", "Person"),
                ("staff", "Support"),
                ("device", "Device"),
                ("guest", "Guest"),
                ("anonymous", "Not signed in"),
                ("system", "System"),
            ],
            max_length=10,
            verbose_name="who",
        ),
    ),
    ("actor_id", models.UUIDField(null=True, verbose_name="who (id)")),
    ("person_id", models.UUIDField(null=True, verbose_name="person (id)")),
    ("organization_id", models.UUIDField(null=True, verbose_name="organization (id)")),
    ("object_type", models.CharField(blank=True, default="", max_length=40, verbose_name="kind of object")),
    ("object_id", models.CharField(blank=True, default="", max_length=64, verbose_name="object (id)")),
    ("address", models.CharField(blank=True, default="", max_length=45, verbose_name="address")),
    ("agent", models.CharField(blank=True, default="", max_length=300, verbose_name="agent")),
    ("details", models.TextField(default="{}", verbose_name="details")),
    ("salt", models.CharField(max_length=32)),
    ("mac", models.CharField(max_length=64)),
    ("mac_key", models.CharField(max_length=16)),
    ("position", models.BigIntegerField(null=True, unique=True)),
    ("batch", models.BigIntegerField(null=True)),
    ("person_position", models.BigIntegerField(null=True)),
    ("organization_position", models.BigIntegerField(null=True)),
]
OPTIONS = {
    "verbose_name": "audit event",
    "verbose_name_plural": "audit events",
    "db_table": "audit_event",
    "default_permissions": ("view",),
    "indexes": [
        models.Index(fields=["person_id", "created_at", "id"], name="audit_person"),
        models.Index(fields=["organization_id", "created_at", "id"], name="audit_organization"),
        models.Index(fields=["created_at", "id"], name="audit_newest"),
        models.Index(fields=["actor_id", "created_at", "id"], name="audit_actor"),
        models.Index(fields=["kind", "created_at", "id"], name="audit_kind"),
    ],
}


class Migration(migrations.Migration):
    """The table is Django's for the database and unmanaged for everybody else.

    There is no way back: it would drop the log.
    """

    initial = True

    dependencies = []

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="AuditEvent", fields=FIELDS, options={**OPTIONS, "managed": False}
                ),
            ],
            database_operations=[
                migrations.CreateModel(name="AuditEvent", fields=FIELDS, options=OPTIONS),
            ],
        ),
        migrations.RunPython(triggers.create),
    ]
