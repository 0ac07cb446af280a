"""The last step of a sign-in in a browser: whether it is trusted, and where it leads."""

from allauth.account.authentication import get_authentication_records
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts import enrolment, time_outs, trusted_browsers
from accounts.models import Person


def arrived(request: HttpRequest, response: HttpResponse, person: Person) -> HttpResponse:
    """What the browser gets, in place of the way that the sign-in would lead."""
    onward = response.headers.get("Location", "")
    if time_outs.was_left_by_another(request, person, onward):
        response = redirect("dashboard")
    elif enrolment.is_demanded(person):
        response = enrolment.lead(request, onward)
    records = get_authentication_records(request, person)
    is_proved = any(entry["method"] == "mfa" for entry in records)
    trusted_browsers.apply(request, response, person, is_proved=is_proved)
    time_outs.begin(request)
    return response
