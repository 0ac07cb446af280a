from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sessions_app", "0004_invitation_sendings"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="participant",
            name="participant_by_person",
        ),
        migrations.AddField(
            model_name="visit",
            name="search",
            field=models.TextField(blank=True, default="", editable=False),
        ),
        migrations.AddIndex(
            model_name="participant",
            index=models.Index(
                condition=models.Q(("is_host", False), ("state", "admitted")),
                fields=["person", "-visit_started_at", "-visit"],
                name="participant_attended",
            ),
        ),
        migrations.AddIndex(
            model_name="visit",
            index=models.Index(fields=["host", "mode", "-started_at", "-id"], name="visit_by_host_mode"),
        ),
        migrations.AddIndex(
            model_name="visit",
            index=models.Index(
                condition=models.Q(("ended_at__isnull", False)),
                fields=["host", "-started_at", "-id"],
                name="visit_ended_by_host",
            ),
        ),
        migrations.AddIndex(
            model_name="visit",
            index=models.Index(
                condition=models.Q(("ended_at__isnull", False)),
                fields=["host", "mode", "-started_at", "-id"],
                name="visit_ended_by_host_mode",
            ),
        ),
        migrations.AddIndex(
            model_name="visit",
            index=models.Index(
                condition=models.Q(("ended_at", None)),
                fields=["host", "-started_at", "-id"],
                name="visit_open_by_host",
            ),
        ),
        migrations.AddIndex(
            model_name="visit",
            index=models.Index(
                condition=models.Q(("ended_at", None)),
                fields=["host", "mode", "-started_at", "-id"],
                name="visit_open_by_host_mode",
            ),
        ),
        migrations.AddIndex(
            model_name="visit",
            index=models.Index(
                condition=models.Q(("ended_at", None)),
                fields=["host", "-expires_at"],
                name="visit_open_by_expiry",
            ),
        ),
    ]
