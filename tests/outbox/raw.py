"""What the table of deliveries holds, as the database has it."""

from django.db import connection


def raw_rows() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM outbox_delivery")
        return repr(cursor.fetchall())
