"""Deliveries from before services had names go by their channel's."""

from typing import Any

from django.db import migrations
from django.db.models import F


def name_services(apps: Any, schema_editor: Any) -> None:
    deliveries = apps.get_model("outbox", "Delivery").objects.using(schema_editor.connection.alias)
    deliveries.filter(service="").update(service=F("channel"))


class Migration(migrations.Migration):
    dependencies = [("outbox", "0004_services")]

    operations = [migrations.RunPython(name_services, migrations.RunPython.noop)]
