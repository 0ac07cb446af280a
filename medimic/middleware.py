"""What every request passes through."""

import logging
import time
from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation

GetResponse = Callable[[HttpRequest], HttpResponse]

logger = logging.getLogger("medimic.requests")

ADMIN = "/admin/"
STATIC = "/static/"
# What no page uses; `self` is for passkeys and for the buttons that copy.
PERMISSIONS = ", ".join(
    [
        *(
            f"{feature}=()"
            for feature in (
                "accelerometer", "autoplay", "browsing-topics", "camera", "display-capture",
                "encrypted-media", "geolocation", "gyroscope", "hid", "idle-detection", "local-fonts",
                "magnetometer", "microphone", "midi", "payment", "picture-in-picture", "screen-wake-lock",
                "serial", "storage-access", "usb", "xr-spatial-tracking",
            )
        ),
        "clipboard-write=(self)",
        "fullscreen=(self)",
        "publickey-credentials-create=(self)",
        "publickey-credentials-get=(self)",
    ]
)  # fmt: skip
# Django's admin builds markup out of text; the portal's own scripts never do.
WITHOUT_TRUSTED_TYPES = {"require-trusted-types-for": None, "trusted-types": None}


def headers(get_response: GetResponse) -> GetResponse:
    """Headers that Django has no setting for."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        if request.path.startswith(ADMIN):
            response._csp_replace = WITHOUT_TRUSTED_TYPES  # type: ignore[attr-defined]
        if not request.path.startswith(STATIC):
            # Any page may hold what belongs to one person: signed out, a form with their e-mail.
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    return middleware


def log_requests(get_response: GetResponse) -> GetResponse:
    """A line of the log for each answer: which route, never which address, and how long it took."""
    if not settings.LOG_REQUESTS:
        raise MiddlewareNotUsed

    def middleware(request: HttpRequest) -> HttpResponse:
        start = time.perf_counter()
        response = get_response(request)
        match = request.resolver_match
        logger.info(
            "answered",
            extra={
                "method": request.method if request.method in METHODS else "other",
                "route": match.route if match else "",
                "status": response.status_code,
                "milliseconds": round((time.perf_counter() - start) * 1000, 1),
            },
        )
        return response

    return middleware


METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


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
