"""Every exception of an API call, turned into a problem document."""

import logging
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.utils.translation import gettext_lazy as _
from ninja.errors import AuthenticationError, HttpError, Throttled, ValidationError

from medimic.errors import AWAY
from medimic.problems import Problem, problem_response

logger = logging.getLogger("medimic.api")

# django-ninja has handlers of its own for these; all else is found through `Exception`.
EXPECTED = (Http404, HttpError, ValidationError)
RETRY_SECONDS = 5
LONGEST_LIST = 20
LONGEST_NAME = 60


def problem_of(error: Exception) -> Problem:
    """The refusal that an exception stands for; one that nobody expected is logged."""
    match error:
        case Problem():
            return error
        case RequestDataTooBig():
            return Problem(413, "body_too_large", _("The body is too large."))
        case UnreadablePostError() | SuspiciousOperation():
            return Problem(400, "bad_request", _("The request could not be read."))
        case Http404():
            return Problem(404, "not_found", _("There is nothing here."))
        case PermissionDenied():
            return Problem(403, "not_allowed", _("This is not allowed."))
        case ValidationError():
            return Problem(
                422,
                "invalid_content",
                _("Some of the content is missing or wrong."),
                errors=readable(error.errors),
            )
        case Throttled():
            return Problem(429, "too_many_requests", _("Too many requests."))
        case AuthenticationError():
            return Problem(401, "not_signed_in", _("This call needs a sign-in."))
        case HttpError():
            return _of_http_error(error)
        case _ if isinstance(error, AWAY):
            logger.error("The database or the cache did not answer: %s", type(error).__name__)
            return Problem(
                503, "unavailable", _("The portal is not available right now."), retry_after=RETRY_SECONDS
            )
    logger.error("An API call failed", exc_info=error)
    return Problem(500, "internal_error", _("Something went wrong on our side. It was logged."))


def _of_http_error(error: HttpError) -> Problem:
    """django-ninja's own: a body that its parser refused, a failed CSRF check."""
    if isinstance(error.__cause__, Problem):
        return error.__cause__
    if error.status_code == 403:
        return Problem(403, "csrf_failed", _("The page's token is missing or out of date."))
    return Problem(400, "malformed_json", _("The body is not JSON."))


def readable(errors: Sequence[dict[str, Any]]) -> list[dict[str, str]]:
    """What is wrong with which member. What was sent is not repeated: it may be a secret."""
    return [
        {
            "in": str(error["loc"][0]),
            # Below the parameter's own name, which is our function's and means nothing outside.
            "field": ".".join(str(part)[:LONGEST_NAME] for part in _outside_names(error["loc"])),
            "code": error["type"],
            # pydantic puts the offending characters behind a comma or a colon.
            "message": error["msg"].split(", ")[0].split(": ")[0],
        }
        for error in errors[:LONGEST_LIST]
    ]


def _outside_names(location: Sequence[Any]) -> Sequence[Any]:
    return location[2:] if location[0] == "body" else location[1:]


def refuse(request: HttpRequest, error: Exception | type[Exception]) -> HttpResponse:
    """The answer to a call that raised."""
    return problem_response(request, problem_of(error if isinstance(error, Exception) else error()))
