"""Support looks invoices and a gateway's events up."""

from typing import Any

from django.db import migrations

MODELS = [("billing", "invoice"), ("billing", "gatewayevent")]


def permit(apps: Any, schema_editor: Any) -> None:
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
    dependencies = [("desk", "0001_permissions")]

    operations = [migrations.RunPython(permit, migrations.RunPython.noop)]
