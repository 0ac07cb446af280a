"""Which people signed in with this browser before, so that only a new one is told of.

The browser itself keeps it, in a signed cookie that proves nothing and opens nothing: whoever
has none is told of once more.
"""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from accounts.models import Person
from medimic import cookies, crypto

SALT = "accounts.known-browsers"
PURPOSE = "known-browser"
REFERENCE_LENGTH = 16
# A computer on a ward has many people; the longest ago goes first.
MOST_PEOPLE = 40
# As long as any browser keeps a cookie; each sign-in begins it anew.
COOKIE_AGE = 400 * 24 * 3600
NOTED = "_known_people"


def is_known(request: HttpRequest, person: Person) -> bool:
    """Whether this browser says that the person signed in with it before."""
    return _reference(person) in _people(request)


def note(request: HttpRequest, person: Person) -> None:
    """Have the answer to this request tell the browser whom it knows."""
    this = _reference(person)
    people = [*(one for one in _people(request) if one != this), this][-MOST_PEOPLE:]
    setattr(request, NOTED, people)


def remembering(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        people = getattr(request, NOTED, None)
        if people is not None:
            value = signing.dumps(people, salt=SALT)
            cookies.keep(response, settings.KNOWN_BROWSER_COOKIE_NAME, value, max_age=COOKIE_AGE)
        return response

    return middleware


def _people(request: HttpRequest) -> list[str]:
    try:
        found: Any = signing.loads(
            request.COOKIES.get(settings.KNOWN_BROWSER_COOKIE_NAME, ""), salt=SALT, max_age=COOKIE_AGE
        )
    except signing.BadSignature:
        return []
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []


def _reference(person: Person) -> str:
    return crypto.keyed_hash(PURPOSE, str(person.pk))[:REFERENCE_LENGTH]
