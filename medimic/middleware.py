"""What every request passes through."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation

GetResponse = Callable[[HttpRequest], HttpResponse]


def headers(get_response: GetResponse) -> GetResponse:
    """Headers that Django has no setting for."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        if not request.path.startswith("/static/"):
            # Any page may hold what belongs to one person: signed out, a form with their e-mail.
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    return middleware


def tokens_alone(get_response: GetResponse) -> GetResponse:
    """A call of the API with a token is the token's: cookies that a browser sends along count for
    nothing there, and looking the sign-in up would cost more than the whole call."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if "Authorization" in request.headers and request.path.startswith("/api/"):
            request.COOKIES = {}
        return get_response(request)

    return middleware


def language_and_time_zone(get_response: GetResponse) -> GetResponse:
    """A signed-in person's own language and time zone, in place of the browser's."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            translation.activate(request.user.language)
            request.LANGUAGE_CODE = translation.get_language()
            timezone.activate(request.user.time_zone)
        else:
            timezone.deactivate()
        return get_response(request)

    return middleware
