from django.db import migrations
from django.db.models import OuterRef, Subquery


def copy_start(apps, schema_editor):
    """When the session of each participant started, for those who were there before."""
    visits = apps.get_model("sessions_app", "Visit").objects.filter(pk=OuterRef("visit"))
    apps.get_model("sessions_app", "Participant").objects.update(
        visit_started_at=Subquery(visits.values("started_at")[:1])
    )


class Migration(migrations.Migration):
    dependencies = [
        ("sessions_app", "0002_transcripts"),
    ]

    operations = [
        migrations.RunPython(copy_start, migrations.RunPython.noop),
    ]
