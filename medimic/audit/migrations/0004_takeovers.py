from typing import Any

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

INDEX = models.Index(fields=["batch"], condition=~models.Q(succeeds=""), name="audit_takeover")


def add(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    schema_editor.add_index(apps.get_model("audit", "Checkpoint"), INDEX)


def remove(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    schema_editor.remove_index(apps.get_model("audit", "Checkpoint"), INDEX)


class Migration(migrations.Migration):
    """Where one signing key took over from another: a few rows among millions."""

    dependencies = [("audit", "0003_sealing")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.AddIndex(model_name="checkpoint", index=INDEX)],
            database_operations=[migrations.RunPython(add, remove)],
        )
    ]
