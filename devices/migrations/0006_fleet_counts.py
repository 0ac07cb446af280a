from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("devices", "0005_fleet"),
    ]

    operations = [
        migrations.RenameField("fleetcount", "os_version", "os_group"),
        migrations.RenameField("fleetcount", "app_version", "app_key"),
        migrations.AlterField("fleetcount", "os_group", models.CharField(max_length=60)),
        migrations.AlterField("fleetcount", "app_key", models.CharField(blank=True, max_length=120)),
    ]
