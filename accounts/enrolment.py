"""Enrolling a second factor: where it is chosen, and whom it is demanded of."""

from allauth.mfa.utils import is_mfa_enabled
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.models import Person

# Where somebody was going when they were asked for a second factor that they had yet to set up.
NEXT = "step_up_next"


def lead(request: HttpRequest, onward: str) -> HttpResponse:
    """To the choice of a second factor; once there is one, on to `onward`."""
    request.session[NEXT] = safe(request, onward, reverse("dashboard"))
    return redirect("second_factor")


def is_demanded(person: Person) -> bool:
    """Whether this person has to have a second factor and has none: whoever works in support."""
    return person.is_staff and not is_mfa_enabled(person)


def safe(request: HttpRequest, onward: str, otherwise: str) -> str:
    """`onward` if it is an address of ours."""
    is_ours = url_has_allowed_host_and_scheme(onward, {request.get_host()}, request.is_secure())
    return onward if is_ours else otherwise
