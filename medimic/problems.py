"""Problem documents (RFC 9457): how the API says no."""

from typing import Any

from django.http import HttpRequest, JsonResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from medimic import request_ids

CONTENT_TYPE = "application/problem+json"


class Problem(Exception):
    """A refusal with a stable `code`. Raised anywhere, answered as a problem document.

    `extra` holds further members of the document; values must be JSON. `challenge`
    is what WWW-Authenticate says of a 401, where that is more than the code.
    """

    def __init__(
        self, status: int, code: str, detail: str | Promise, *, retry_after: int | None = None, **extra: Any
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.detail = detail
        self.retry_after = retry_after
        self.extra = extra
        self.challenge = ""


TITLES: dict[int, Promise] = {
    400: _("Bad request"),
    401: _("Not signed in"),
    402: _("Payment required"),
    403: _("Not allowed"),
    404: _("Not found"),
    405: _("Method not allowed"),
    409: _("Conflict"),
    410: _("No longer there"),
    411: _("Length required"),
    413: _("Too large"),
    415: _("Unsupported type"),
    422: _("Invalid content"),
    429: _("Too many requests"),
    500: _("Something went wrong"),
    503: _("Not available right now"),
}


def problem_response(request: HttpRequest, problem: Problem) -> JsonResponse:
    """The document for a problem."""
    document = {
        "type": f"/api/docs#{problem.code}",
        "title": str(TITLES.get(problem.status, TITLES[400])),
        "status": problem.status,
        "code": problem.code,
        "detail": str(problem.detail),
        **problem.extra,
    }
    if name := request_ids.current():
        # What to name to support: it is in the log, too.
        document["request_id"] = name
    response = JsonResponse(document, status=problem.status, content_type=CONTENT_TYPE)
    response["Cache-Control"] = "no-store"
    if problem.retry_after is not None:
        response["Retry-After"] = str(problem.retry_after)
    if problem.status == 401:
        response["WWW-Authenticate"] = problem.challenge or f'Bearer error="{problem.code}"'
    return response
