from django.db import migrations

from sessions_app.search import search_text

AT_ONCE = 1000


def fold_names(apps, schema_editor):
    """The words of the sessions that were there before."""
    visits = apps.get_model("sessions_app", "Visit").objects
    lot = []
    for visit in visits.only("name", "code").iterator(chunk_size=AT_ONCE):
        visit.search = search_text(visit.name, visit.code)
        lot.append(visit)
        if len(lot) == AT_ONCE:
            visits.bulk_update(lot, ["search"])
            lot = []
    visits.bulk_update(lot, ["search"])


class Migration(migrations.Migration):
    dependencies = [
        ("sessions_app", "0005_visit_search"),
    ]

    operations = [
        migrations.RunPython(fold_names, migrations.RunPython.noop),
    ]
