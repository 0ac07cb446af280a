"""What every request passes through."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation

GetResponse = Callable[[HttpRequest], HttpResponse]


def unavailable(get_response: GetResponse) -> GetResponse:
    """Answer 503 with Retry-After, in place of 500, while the database is away."""

    def middleware(request: HttpRequest) -> HttpResponse:
        return get_response(request)

    return middleware


def headers(get_response: GetResponse) -> GetResponse:
    """Headers that Django has no setting for."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        return response

    return middleware


def language_and_time_zone(get_response: GetResponse) -> GetResponse:
    """A signed-in person's own language and time zone, in place of the browser's."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            translation.activate(request.user.language)
            request.LANGUAGE_CODE = translation.get_language()  # type: ignore[attr-defined]
            timezone.activate(request.user.time_zone)
        else:
            timezone.deactivate()
        return get_response(request)

    return middleware
