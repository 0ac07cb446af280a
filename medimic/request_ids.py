"""Each request has an id of its own: in the log, in the answer's headers and on pages that say that
something went wrong, so that what a person reports is found in the log.

The portal makes it. What a caller sends as one is ignored: whoever chooses ids could make two requests
look like one.
"""

import secrets
from collections.abc import Callable
from contextvars import ContextVar

from django.http import HttpRequest, HttpResponse

HEADER = "X-Request-ID"
# For lines of the log that know no request. It holds an id and nothing of the request itself.
_current: ContextVar[str] = ContextVar("request_id", default="")


def current() -> str:
    """The id of the request that is answered now; empty outside of one, as in the worker."""
    return _current.get()


def middleware(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    def with_id(request: HttpRequest) -> HttpResponse:
        name = secrets.token_hex(16)
        token = _current.set(name)
        try:
            response = get_response(request)
        finally:
            _current.reset(token)
        response.headers[HEADER] = name
        return response

    return with_id
