from django.db import migrations

# A search reads it at once: what waits in a list beside the index would have to be read each time.
MAKE = """
CREATE INDEX visit_words ON sessions_app_visit USING gin (
    array_to_tsvector(string_to_array(ltrim(replace(search, ' ', ' ' || left(host_id::text, 8))), ' '))
) WITH (fastupdate = off)
"""


def make(apps, schema_editor):
    """PostgreSQL's alone; what SQLite serves is small enough to be read through."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(MAKE)


def drop(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX visit_words")


class Migration(migrations.Migration):
    dependencies = [
        ("sessions_app", "0006_visit_search_fill"),
    ]

    operations = [
        migrations.RunPython(make, drop),
    ]
