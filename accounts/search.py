"""Finding people among very many: by the beginnings of their names, by e-mail, by phone number, by id.

Support's desk alone asks here. Each way is one index on both databases (`benchmarks/admin.py`).
"""

import uuid
from collections.abc import Iterable
from typing import Any

from django.db.models import Exists, OuterRef, Q

from accounts.models import Person, PersonWord
from accounts.phone_hashes import phone_hash
from medimic.words import beginning, words_of

# More words than this narrow nothing down any further.
MOST_WORDS = 6
# One letter begins half of all names.
SHORTEST = 2


def people(term: str, *, most: int) -> list[uuid.UUID]:
    """The ids of people whom the term fits, `most` of them at most, in no order."""
    term = term.strip()
    if found := _by_id(term) or _by_phone(term):
        return found[:most]
    if "@" in term:
        rows = Person.objects.filter(beginning("email", term.lower()))
        return list(rows.order_by("email").values_list("pk", flat=True)[:most])
    return _by_words(words_of(term)[:MOST_WORDS], most)


def _by_id(term: str) -> list[uuid.UUID]:
    try:
        return list(Person.objects.filter(pk=uuid.UUID(term)).values_list("pk", flat=True))
    except ValueError:
        return []


def _by_phone(term: str) -> list[uuid.UUID]:
    number = phone_hash(term)
    return list(Person.objects.filter(phone_hash=number).values_list("pk", flat=True)) if number else []


def _by_words(words: Iterable[str], most: int) -> list[uuid.UUID]:
    return owners_of_words(PersonWord, "person", words, most)


def owners_of_words(model: Any, owner: str, words: Iterable[str], most: int) -> list[uuid.UUID]:
    """Whose words in `model`'s table begin with all of these; the longest leads, for it is the rarest."""
    longest_first = sorted(set(words), key=len, reverse=True)
    if not longest_first or len(longest_first[0]) < SHORTEST:
        return []
    condition = Q(beginning("word", longest_first[0]))
    for word in longest_first[1:]:
        condition &= Q(Exists(model.objects.filter(beginning("word", word), **{owner: OuterRef(owner)})))
    # Two words of one row may begin alike: "Ann" finds "Anna Annan" twice.
    found = model.objects.filter(condition).values_list(f"{owner}_id", flat=True)[: 3 * most]
    return list(dict.fromkeys(found))[:most]
