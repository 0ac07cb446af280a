"""The groups Support and Auditor, with what each may look at."""

from typing import Any

from django.db import migrations

VIEWS = {
    "Support": [
        ("accounts", "person"),
        ("devices", "device"),
        ("devices", "deviceauthorization"),
        ("outbox", "delivery"),
        ("orgs", "organization"),
        ("orgs", "membership"),
        ("billing", "subscription"),
    ],
    "Auditor": [("audit", "auditevent")],
}


def make_groups(apps: Any, schema_editor: Any) -> None:
    # On a fresh database nobody has made the permissions yet: that comes after all migrations,
    # and leaves alone what it finds.
    database = schema_editor.connection.alias
    ContentType = apps.get_model("contenttypes", "ContentType")
    Permission = apps.get_model("auth", "Permission")
    Group = apps.get_model("auth", "Group")
    for name, models in VIEWS.items():
        group, _ = Group.objects.using(database).get_or_create(name=name)
        for app_label, model in models:
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
        ("accounts", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(make_groups, migrations.RunPython.noop)]
