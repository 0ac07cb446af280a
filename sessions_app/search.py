"""Finding sessions by the beginnings of the words in their names, and by their codes.

What is compared is folded: no case, no accents, no signs. Each session keeps its own words so
(`Visit.search`, a blank before each); docs/adr says how they are found among very many.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction
from django.db.models import BooleanField, F, Func, Q, TextField, Value
from django.db.models.functions import Cast
from django.db.models.lookups import Exact

from medimic.words import words_of
from sessions_app import codes

# More words than this narrow nothing down any further.
MOST_WORDS = 8
# The index holds every word behind the first signs of its host: nobody's search reads on others' words.
HOST_SIGNS = 8


def search_text(name: str, code: str) -> str:
    """What a session keeps of its name and code."""
    return "".join(f" {word}" for word in words_of(f"{name} {code}"))


def wanted_words(query: str) -> list[list[str]]:
    """The beginnings of words that a session must all have; or a code that was written in parts."""
    words = words_of(query)[:MOST_WORDS]
    code = "".join(words)
    if len(words) > 1 and len(code) == codes.LENGTH:
        return [words, [code]]
    return [words] if words else []


def matching(query: str, prefix: str = "") -> Q:
    """For rows whose session is at `prefix`; one by one, which serves where they are few."""
    field = f"{prefix}search__contains"
    found = Q()
    for words in wanted_words(query):
        every = Q()
        for word in words:
            every &= Q(**{field: f" {word}"})
        found |= every
    return found


def in_index_of(host_id: uuid.UUID, query: str) -> Q:
    """For `Visit` on PostgreSQL: found by the index of words alone.

    The host is compared as text, which no other index serves: PostgreSQL takes every beginning of
    a word for common, and would rather read all that the host ever did.
    """
    signs = str(host_id)[:HOST_SIGNS]
    parts = (" & ".join(f"'{signs}{word}':*" for word in words) for words in wanted_words(query))
    host = Cast(F("host_id"), TextField())
    return Q(_HasWords(" | ".join(parts))) & Q(Exact(host, Value(str(host_id), output_field=TextField())))


@contextmanager
def along_indexes() -> Iterator[None]:
    """For the same reason PostgreSQL must not read whole tables while this lasts."""
    if connection.vendor != "postgresql":
        yield
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        yield
        cursor.execute("SET LOCAL enable_seqscan = DEFAULT")


class _HasWords(Func):
    """Whether the words of a row hold what the query asks for: to the letter the expression that
    the index `visit_words` is made of, or PostgreSQL does not know it again."""

    arg_joiner = " @@ "
    template = "%(expressions)s::tsquery"
    output_field = BooleanField()
    conditional = True

    def __init__(self, query: str) -> None:
        signs = Func(F("host_id"), template=f"' ' || left(%(expressions)s::text, {HOST_SIGNS})")
        marked = Func(F("search"), signs, function="replace", arg_joiner=", ' ', ")
        words = Func(marked, template="array_to_tsvector(string_to_array(ltrim(%(expressions)s), ' '))")
        super().__init__(words, Value(query, output_field=TextField()))
