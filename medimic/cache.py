"""Keeping the cache small where it is a table of the database."""

import datetime as dt

from django.core.cache import caches
from django.core.cache.backends.db import DatabaseCache
from django.db import connection
from django.utils import timezone

EVERY = dt.timedelta(minutes=1)


def drop_expired() -> None:
    """Delete what has expired.

    Django does it only once the table is full, and counts its rows at each write: every
    proof of a device (DPoP) leaves a row that nobody asks for again.
    """
    cache = caches["default"]
    if not isinstance(cache, DatabaseCache):
        return
    table = connection.ops.quote_name(cache._table)  # type: ignore[attr-defined]
    now = connection.ops.adapt_datetimefield_value(timezone.now().replace(microsecond=0))
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {table} WHERE expires < %s", [now])  # noqa: S608
