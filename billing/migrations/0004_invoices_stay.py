"""What keeps issued invoices as they are: see `billing.triggers`."""

from django.db import migrations

from billing import triggers


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0003_fill_periods_and_seats"),
    ]

    operations = [migrations.RunPython(triggers.create)]
