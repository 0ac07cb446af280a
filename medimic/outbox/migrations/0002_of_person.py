from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("outbox", "0001_initial")]

    operations = [
        migrations.AlterField(
            model_name="delivery",
            name="person_id",
            field=models.UUIDField(blank=True, null=True, verbose_name="person (id)"),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(fields=["person_id", "-created_at", "-id"], name="delivery_of_person"),
        ),
    ]
