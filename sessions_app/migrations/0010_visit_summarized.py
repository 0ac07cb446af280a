from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sessions_app", "0009_tally_sessions"),
    ]

    operations = [
        migrations.AddField(
            model_name="visit",
            name="summarized_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddIndex(
            model_name="visit",
            index=models.Index(
                condition=models.Q(("ended_at", None), ("summarized_at", None)),
                fields=["expires_at"],
                name="visit_unsummarized",
            ),
        ),
    ]
