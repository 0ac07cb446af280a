"""What a request is, once somebody is signed in."""

from django.http import HttpRequest

from accounts.models import Person


class SignedInRequest(HttpRequest):
    """A request behind `login_required`: its user is a person."""

    user: Person
