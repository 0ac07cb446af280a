"""A browser's own part in a session: the token with which its page calls the API."""

import uuid
from typing import Any

from django.db import transaction
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from accounts.time_outs import polled
from devices import browsers
from medimic.problems import Problem, problem_response
from sessions_app import joining, visits
from sessions_app.models import Participant, Visit


@polled
@require_POST
@never_cache
def session_token(request: HttpRequest, session_id: uuid.UUID) -> JsonResponse:
    """A fresh token for this browser's part: of its signed-in account, or of a guest that joined on it.

    The page keeps it in its memory alone. Refused as a problem document: `not_found`, `session_over`,
    `part_over`.
    """
    try:
        return JsonResponse(_issue(request, session_id))
    except Problem as problem:
        return problem_response(request, problem)


def _issue(request: HttpRequest, session_id: uuid.UUID) -> dict[str, Any]:
    authorization = browsers.taking_part(request)
    if authorization is None:
        raise _no_part()
    with transaction.atomic():
        authorization = visits.locked(authorization)
        visit = Visit.objects.select_for_update(no_key=True, of=("self",)).filter(pk=session_id).first()
        own = joining.part_of(authorization, visit) if visit else None
        if visit is None or own is None:
            raise _no_part()
        status = visit.status(timezone.now())
        if status is not Visit.Status.ACTIVE:
            raise Problem(409, "session_over", _("This session is over."), session_status=status)
        if own.left_at is not None:
            was_refused = own.state == Participant.State.REFUSED
            raise Problem(
                410,
                "part_over",
                _("You take no part in this session any more."),
                reason="refused" if was_refused else "left",
            )
        token = joining.issue_token(own, visit)
    return {
        "session_token": token,
        "participant_id": own.pk,
        "is_host": own.is_host,
        "state": own.state,
        "account": authorization.account_id,
    }


def _no_part() -> Problem:
    return Problem(404, "not_found", _("There is nothing here."))
