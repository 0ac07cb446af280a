from typing import Any

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

INDEXES = [
    models.Index(
        fields=["organization_id", name, "created_at", "id"],
        condition=models.Q(organization_id__isnull=False),
        name=f"audit_organization_{short}",
    )
    for name, short in (("kind", "kind"), ("person_id", "person"), ("actor_id", "actor"))
]


def add(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for index in INDEXES:
        schema_editor.add_index(apps.get_model("audit", "AuditEvent"), index)


def remove(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for index in INDEXES:
        schema_editor.remove_index(apps.get_model("audit", "AuditEvent"), index)


class Migration(migrations.Migration):
    """By hand: for a model that Django does not manage, its own operations do nothing."""

    dependencies = [("audit", "0001_initial")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.AddIndex(model_name="auditevent", index=index) for index in INDEXES],
            database_operations=[migrations.RunPython(add, remove)],
        )
    ]
