"""What was refused to somebody who is signed in stands in the log."""

import logging
from collections.abc import Callable

from django.core.cache import cache
from django.db import DatabaseError, transaction
from django.http import HttpRequest, HttpResponse

from medimic.audit.log import Origin, record

logger = logging.getLogger(__name__)

GetResponse = Callable[[HttpRequest], HttpResponse]
# A page that asks again and again must not fill the log: so many rows a person within so many seconds.
MOST, SECONDS = 30, 600


def denials(get_response: GetResponse) -> GetResponse:
    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if response.status_code == 403:
            _note(request)
        return response

    return middleware


def _note(request: HttpRequest) -> None:
    """By the route's pattern: the address itself may hold a token."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated or _is_too_often(str(user.pk)):
        return
    route = request.resolver_match.route if request.resolver_match else ""
    is_admin = route.startswith("admin/") and user.is_staff
    try:
        with transaction.atomic():
            record(
                "audit.access_denied",
                origin=Origin.staff(request) if is_admin else Origin.of(request),
                person_id=user.pk,
                details={"route": route, "method": request.method},
            )
    except DatabaseError as failure:
        # The refusal stands, noted or not.
        logger.error("a refusal was not noted: %s", type(failure).__name__)


def _is_too_often(person: str) -> bool:
    name = f"audit-denials-{person}"
    cache.add(name, 0, SECONDS)
    try:
        return cache.incr(name) > MOST
    except ValueError:  # it expired in between
        return False
