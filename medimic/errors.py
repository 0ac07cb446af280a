"""Error pages, and under /api/ problem documents in their place.

400, 500 and 503 ask neither the database nor the session: they must stand while
those are away. 403, 404 and 429 are drawn for the person, with the navigation.
"""

import sys

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from redis.exceptions import RedisError

from medimic.problems import Problem, problem_response

API = "/api/"
# What the database or the cache raises when it does not answer.
AWAY = (OperationalError, InterfaceError, RedisError)
UNAVAILABLE_SECONDS = 5
TOO_MANY_SECONDS = 60


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if _is_api(request):
        return problem_response(request, Problem(400, "bad_request", _("The request could not be read.")))
    return _bare(400)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """`PermissionDenied(_("why"))` tells the person why."""
    if _is_api(request):
        return problem_response(request, Problem(403, "not_allowed", _("This is not allowed.")))
    return render(request, "403.html", {"reason": str(exception or "")}, status=403)


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form's token is missing or old. Django's `reason` is for developers, and stays out of the page."""
    if _is_api(request):
        return problem_response(
            request, Problem(403, "csrf_failed", _("The page's token is missing or out of date."))
        )
    why: Promise = _(
        "The form was open for too long, or cookies are switched off. Go back, reload it, try again."
    )
    return render(request, "403.html", {"reason": why}, status=403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if _is_api(request):
        return problem_response(request, Problem(404, "not_found", _("There is nothing here.")))
    return render(request, "404.html", status=404)


def too_many_requests(request: HttpRequest) -> HttpResponse:
    """allauth calls it where one of its rate limits is exceeded."""
    if _is_api(request):
        problem = Problem(429, "too_many_requests", _("Too many requests."), retry_after=TOO_MANY_SECONDS)
        return problem_response(request, problem)
    response = render(request, "429.html", status=429)
    response["Retry-After"] = str(TOO_MANY_SECONDS)
    return response


def server_error(request: HttpRequest) -> HttpResponse:
    """Django calls it while it handles what a view or a middleware raised."""
    if isinstance(sys.exc_info()[1], AWAY):
        # A connection that broke is not taken for the next request.
        connection.close()
        return unavailable(request)
    if _is_api(request):
        problem = Problem(500, "internal_error", _("Something went wrong on our side. It was logged."))
        return problem_response(request, problem)
    return _bare(500)


def unavailable(request: HttpRequest) -> HttpResponse:
    """The database or something else that the portal cannot do without is away."""
    if _is_api(request):
        problem = Problem(
            503,
            "unavailable",
            _("The portal is not available right now."),
            retry_after=UNAVAILABLE_SECONDS,
        )
        return problem_response(request, problem)
    response = _bare(503)
    response["Retry-After"] = str(UNAVAILABLE_SECONDS)
    return response


def _is_api(request: HttpRequest) -> bool:
    return request.path.startswith(API)


def _bare(status: int) -> HttpResponse:
    """A page drawn without the request, and so without anybody's data."""
    page = render_to_string(f"{status}.html", {"SUPPORT_EMAIL": settings.SUPPORT_EMAIL})
    return HttpResponse(page, status=status, headers={"Cache-Control": "no-store"})
