"""What staff may do at the desk, and that Support may do it."""

from typing import Any

from django.db import migrations, models

ACTS = (
    "revoke_device",
    "end_sign_ins",
    "resend_verification",
    "remove_factors",
    "settle_invoices",
    "extend_trials",
)
# Support reads of one person what the person reads: it is on the page of support's.
VIEWS = [("audit", "auditevent")]


def permit(apps: Any, schema_editor: Any) -> None:
    # On a fresh database nobody has made the permissions yet: that comes after all migrations,
    # and leaves alone what it finds.
    database = schema_editor.connection.alias
    ContentType = apps.get_model("contenttypes", "ContentType")
    Permission = apps.get_model("auth", "Permission")
    group, _ = apps.get_model("auth", "Group").objects.using(database).get_or_create(name="Support")
    wanted = [("desk", "desk", act, f"Can {act.replace('_', ' ')}") for act in ACTS]
    wanted += [(app, model, f"view_{model}", f"Can view {model}") for app, model in VIEWS]
    for app_label, model, codename, name in wanted:
        content_type, _ = ContentType.objects.db_manager(database).get_or_create(
            app_label=app_label, model=model
        )
        permission, _ = Permission.objects.using(database).get_or_create(
            content_type=content_type, codename=codename, defaults={"name": name}
        )
        group.permissions.add(permission)


class Migration(migrations.Migration):
    initial = True
    dependencies = [
        ("accounts", "0003_support_sees_transcripts"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        migrations.CreateModel(
            name="Desk",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
            ],
            options={
                "permissions": [
                    ("revoke_device", "Can revoke a device, and lift a block"),
                    ("end_sign_ins", "Can end a person's sign-ins"),
                    ("resend_verification", "Can ask a person again to verify their email address"),
                    ("remove_factors", "Can remove a person's second factors"),
                    ("settle_invoices", "Can mark invoices as paid, and credit them"),
                    ("extend_trials", "Can extend a trial"),
                ],
                "managed": False,
                "default_permissions": (),
            },
        ),
        migrations.RunPython(permit, migrations.RunPython.noop),
    ]
