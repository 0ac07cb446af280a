from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("outbox", "0002_of_person")]

    operations = [
        migrations.AddField(
            model_name="delivery",
            name="service",
            field=models.CharField(blank=True, default="", max_length=100, verbose_name="service"),
        ),
    ]
