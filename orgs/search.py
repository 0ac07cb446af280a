"""Finding organizations among very many, by the beginnings of their words. For support's desk."""

from uuid import UUID

from accounts.search import MOST_WORDS, owners_of_words
from medimic.words import words_of
from orgs.models import Organization, OrganizationWord


def find_organizations(term: str, most: int) -> list[UUID]:
    """The ids of at most `most` organizations that the term fits; an id fits its own."""
    try:
        sought = UUID(term.strip())
    except ValueError:
        return owners_of_words(OrganizationWord, "organization", words_of(term)[:MOST_WORDS], most)
    return list(Organization.objects.filter(pk=sought).values_list("pk", flat=True))
