from typing import Any

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from medimic.audit import triggers_sealing

INDEXES = [
    models.Index(
        fields=[f"{whose}_id", "kind", "created_at", "id"],
        condition=models.Q(**{f"{whose}_id__isnull": False}),
        name=f"audit_{whose}_kind",
    )
    for whose in ("person", "actor")
] + [
    models.Index(
        fields=["created_at", "id"], condition=models.Q(position__isnull=True), name="audit_unsealed"
    ),
]


def _hex(longest: int, **options: Any) -> models.CharField:
    return models.CharField(max_length=longest, **options)


TABLES: dict[str, tuple[str, list[tuple[str, models.Field]]]] = {
    "Checkpoint": (
        "audit_checkpoint",
        [
            ("batch", models.BigIntegerField(primary_key=True, serialize=False)),
            ("count", models.BigIntegerField()),
            ("root", _hex(64)),
            ("previous", _hex(64)),
            ("made_at", models.DateTimeField()),
            ("key", _hex(64)),
            ("succeeds", _hex(64, blank=True, default="")),
            ("signature", _hex(128)),
            ("consent", _hex(128, blank=True, default="")),
            ("leaves", models.BinaryField()),
        ],
    ),
    "Prune": (
        "audit_prune",
        [
            ("batch", models.BigIntegerField(primary_key=True, serialize=False)),
            ("count", models.BigIntegerField()),
            ("before", models.DateTimeField()),
            ("made_at", models.DateTimeField()),
            ("key", _hex(64)),
            ("signature", _hex(128)),
        ],
    ),
    "Head": (
        "audit_head",
        [
            ("scope", _hex(50, primary_key=True, serialize=False)),
            ("number", models.BigIntegerField()),
            ("mac", _hex(64)),
            ("mac_key", _hex(16)),
        ],
    ),
}


def add(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for index in INDEXES:
        schema_editor.add_index(apps.get_model("audit", "AuditEvent"), index)


def remove(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for index in INDEXES:
        schema_editor.remove_index(apps.get_model("audit", "AuditEvent"), index)


class Migration(migrations.Migration):
    """By hand, as Django manages none of these tables. There is no way back: it would drop the seal."""

    dependencies = [("audit", "0002_organization_indexes")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.AddIndex(model_name="auditevent", index=index) for index in INDEXES],
            database_operations=[migrations.RunPython(add, remove)],
        ),
        *(
            migrations.SeparateDatabaseAndState(
                state_operations=[
                    migrations.CreateModel(
                        name=name,
                        fields=fields,
                        options={"db_table": table, "default_permissions": (), "managed": False},
                    )
                ],
                database_operations=[
                    migrations.CreateModel(name=name, fields=fields, options={"db_table": table})
                ],
            )
            for name, (table, fields) in TABLES.items()
        ),
        migrations.RunPython(triggers_sealing.create),
    ]
