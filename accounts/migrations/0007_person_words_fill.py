"""The words of everybody who was there before."""

from typing import Any

from django.db import migrations

from medimic.words import words_of

LONGEST = 40
CHUNK = 2_000


def fill(apps: Any, schema_editor: Any) -> None:
    database = schema_editor.connection.alias
    people = apps.get_model("accounts", "Person").objects.using(database)
    PersonWord = apps.get_model("accounts", "PersonWord")
    facts = people.order_by("pk").values_list("pk", "first_name", "last_name", "display_name", "email")
    rows = []
    for pk, first, last, display, email in facts.iterator(chunk_size=CHUNK):
        local = (email or "").partition("@")[0]
        words = {word[:LONGEST] for word in words_of(f"{first} {last} {display} {local}")}
        rows += [PersonWord(person_id=pk, word=word) for word in sorted(words)]
        if len(rows) >= CHUNK:
            PersonWord.objects.using(database).bulk_create(rows, ignore_conflicts=True)
            rows = []
    PersonWord.objects.using(database).bulk_create(rows, ignore_conflicts=True)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_person_words")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
