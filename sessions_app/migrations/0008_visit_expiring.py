from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sessions_app", "0007_visit_words"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="visit",
            index=models.Index(
                condition=models.Q(("ended_at", None), ("expiry_announced_at", None)),
                fields=["expires_at"],
                name="visit_expiring",
            ),
        ),
    ]
