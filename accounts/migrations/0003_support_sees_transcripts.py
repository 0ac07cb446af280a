"""Support may see that there are segments and envelopes, and nothing of what they hold."""

from typing import Any

from django.db import migrations

MODELS = [("sessions_app", "segment"), ("sessions_app", "envelope")]


def let_support_look(apps: Any, schema_editor: Any) -> None:
    # As in 0002: on a fresh database the permissions are not there yet.
    database = schema_editor.connection.alias
    ContentType = apps.get_model("contenttypes", "ContentType")
    Permission = apps.get_model("auth", "Permission")
    group = apps.get_model("auth", "Group").objects.using(database).get(name="Support")
    for app_label, model in MODELS:
        content_type, _ = ContentType.objects.db_manager(database).get_or_create(
            app_label=app_label, model=model
        )
        permission, _ = Permission.objects.using(database).get_or_create(
            content_type=content_type,
            codename=f"view_{model}",
            defaults={"name": f"Can view {model}"},
        )
        group.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_staff_groups"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(let_support_look, migrations.RunPython.noop)]
