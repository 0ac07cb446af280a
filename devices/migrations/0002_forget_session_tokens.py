from django.db import migrations


def forget_session_tokens(apps, schema_editor):
    """They name no participant. They live for hours, and their devices ask for new ones.

    A migration of its own: PostgreSQL alters no table in which the same transaction deleted rows.
    """
    apps.get_model("devices", "Token").objects.filter(kind="session").delete()


class Migration(migrations.Migration):
    dependencies = [
        ("devices", "0001_initial"),
    ]

    operations = [
        migrations.RunPython(forget_session_tokens, migrations.RunPython.noop),
    ]
