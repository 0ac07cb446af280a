"""Words as searches compare them: without case, accents and signs; and finding rows by their beginnings."""

import re
import unicodedata
from typing import Any

from django.db import connection
from django.db.models import Q

# Letters with a stroke are no letters with a mark: nothing takes them apart.
STROKES = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe"})
WORD = re.compile(r"[^\W_]+")


def words_of(text: str) -> list[str]:
    """ "Łucja's follow-up" → ["lucja", "s", "follow", "up"]."""
    apart = unicodedata.normalize("NFKD", text.casefold().translate(STROKES))
    return WORD.findall("".join(sign for sign in apart if not unicodedata.combining(sign)))


def beginning(field: str, start: str) -> Q:
    """Rows whose field begins so, found by its index on both databases.

    PostgreSQL compares by the language's rules and needs LIKE, for which Django makes a second index;
    SQLite compares by code points, and would not use an index for LIKE.
    """
    if connection.vendor == "postgresql":
        return Q(**{f"{field}__startswith": start})
    return Q(**{f"{field}__gte": start, f"{field}__lt": start + chr(0x10FFFF)})


def keep(rows: Any, wanted: set[str], *, is_new: bool = False) -> None:
    """Make the words of one owner (`rows` is the related manager of its words) those that are wanted."""
    kept = set() if is_new else set(rows.values_list("word", flat=True))
    if gone := kept - wanted:
        rows.filter(word__in=gone).delete()
    if added := sorted(wanted - kept):
        owner = {rows.field.name: rows.instance}
        rows.model.objects.bulk_create(
            [rows.model(word=word, **owner) for word in added], ignore_conflicts=True
        )
