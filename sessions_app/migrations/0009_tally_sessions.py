from django.db import migrations
from django.db.models import Count


def count_sessions(apps, schema_editor):
    """The sessions that were there before they were counted as they start."""
    visits = apps.get_model("sessions_app", "Visit").objects
    tallies = apps.get_model("devices", "SessionTally").objects
    counted = (
        visits.filter(organization__isnull=False, host__isnull=False, authorization__device__isnull=False)
        .order_by()
        .values_list("organization", "authorization__device", "host")
        .annotate(number=Count("pk"))
    )
    tallies.bulk_create(
        [
            tallies.model(organization_id=organization, device_id=device, person_id=person, sessions=number)
            for organization, device, person, number in counted.iterator()
        ],
        batch_size=1000,
        ignore_conflicts=True,
    )


class Migration(migrations.Migration):
    dependencies = [
        ("sessions_app", "0008_visit_expiring"),
        ("devices", "0006_fleet_counts"),
    ]

    operations = [migrations.RunPython(count_sessions, migrations.RunPython.noop)]
