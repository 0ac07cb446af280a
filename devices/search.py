"""Finding devices among very many: by their names and models, by phone number, by id. For support's desk."""

import uuid

from accounts.phone_hashes import phone_hash
from accounts.search import MOST_WORDS, owners_of_words
from devices.models import AuthorizationWord, DeviceAuthorization
from medimic.words import words_of


def authorizations(term: str, *, most: int) -> list[uuid.UUID]:
    """The ids of the authorizations that the term fits, `most` of them at most, in no order."""
    term = term.strip()
    if number := phone_hash(term):
        rows = DeviceAuthorization.objects.filter(phone_hash=number)
        return list(rows.values_list("pk", flat=True)[:most])
    try:
        sought = uuid.UUID(term)
    except ValueError:
        return owners_of_words(AuthorizationWord, "authorization", words_of(term)[:MOST_WORDS], most)
    by_device = DeviceAuthorization.objects.filter(device=sought).order_by("-created_at")
    by_id = DeviceAuthorization.objects.filter(pk=sought)
    return [*by_id.values_list("pk", flat=True), *by_device.values_list("pk", flat=True)[:most]][:most]
