"""Support may have a delivery sent again, and sees which services are away."""

from typing import Any

from django.db import migrations

WANTED = [
    ("desk", "desk", "resend_deliveries", "Can have a delivery sent again"),
    ("outbox", "service", "view_service", "Can view service"),
]


def permit(apps: Any, schema_editor: Any) -> None:
    database = schema_editor.connection.alias
    ContentType = apps.get_model("contenttypes", "ContentType")
    Permission = apps.get_model("auth", "Permission")
    group = apps.get_model("auth", "Group").objects.using(database).get(name="Support")
    for app_label, model, codename, name in WANTED:
        content_type, _ = ContentType.objects.db_manager(database).get_or_create(
            app_label=app_label, model=model
        )
        permission, _ = Permission.objects.using(database).get_or_create(
            content_type=content_type, codename=codename, defaults={"name": name}
        )
        group.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [("desk", "0002_billing")]

    operations = [
        migrations.AlterModelOptions(
            name="desk",
            options={
                "default_permissions": (),
                "managed": False,
                "permissions": [
                    ("revoke_device", "Can revoke a device, and lift a block"),
                    ("end_sign_ins", "Can end a person's sign-ins"),
                    ("resend_verification", "Can ask a person again to verify their email address"),
                    ("remove_factors", "Can remove a person's second factors"),
                    ("settle_invoices", "Can mark invoices as paid, and credit them"),
                    ("extend_trials", "Can extend a trial"),
                    ("resend_deliveries", "Can have a delivery sent again"),
                ],
            },
        ),
        migrations.RunPython(permit, migrations.RunPython.noop),
    ]
