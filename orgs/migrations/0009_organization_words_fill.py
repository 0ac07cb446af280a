"""The words of the organizations that were there before."""

from typing import Any

from django.db import migrations

from medimic.words import words_of

LONGEST = 40


def fill(apps: Any, schema_editor: Any) -> None:
    database = schema_editor.connection.alias
    OrganizationWord = apps.get_model("orgs", "OrganizationWord")
    organizations = apps.get_model("orgs", "Organization").objects.using(database)
    rows = [
        OrganizationWord(organization_id=pk, word=word)
        for pk, name, slug in organizations.order_by("pk").values_list("pk", "name", "slug")
        for word in sorted({word[:LONGEST] for word in words_of(f"{name} {slug}")})
    ]
    OrganizationWord.objects.using(database).bulk_create(rows, batch_size=2_000, ignore_conflicts=True)


class Migration(migrations.Migration):
    dependencies = [("orgs", "0008_organization_words")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
