"""The words and the phone numbers of what was there before."""

from typing import Any

from django.db import migrations

from accounts.phone_hashes import phone_hash
from medimic.words import words_of

LONGEST = 40
CHUNK = 2_000


def fill(apps: Any, schema_editor: Any) -> None:
    database = schema_editor.connection.alias
    authorizations = apps.get_model("devices", "DeviceAuthorization").objects.using(database)
    AuthorizationWord = apps.get_model("devices", "AuthorizationWord")
    rows = []
    facts = authorizations.order_by("pk").values_list("pk", "name", "device__model")
    for pk, name, model in facts.iterator(chunk_size=CHUNK):
        words = {word[:LONGEST] for word in words_of(f"{name} {model or ''}")}
        rows += [AuthorizationWord(authorization_id=pk, word=word) for word in sorted(words)]
        if len(rows) >= CHUNK:
            AuthorizationWord.objects.using(database).bulk_create(rows, ignore_conflicts=True)
            rows = []
    AuthorizationWord.objects.using(database).bulk_create(rows, ignore_conflicts=True)
    numbered = authorizations.exclude(phone_number="").order_by("pk").values_list("pk", "phone_number")
    for pk, number in list(numbered):
        if found := phone_hash(number):
            authorizations.filter(pk=pk).update(phone_hash=found)


class Migration(migrations.Migration):
    dependencies = [("devices", "0008_search")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
