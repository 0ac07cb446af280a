"""Calls of the device API that span floors: bringing a device up to date, and taking answers."""

from typing import Annotated

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from ninja import Query, Router, Status

from accounts.models import Person
from devices.auth import device_auth
from devices.models import Token
from medimic.api_schema import refuses
from medimic.audit.log import Origin
from medimic.changes.models import Kind
from medimic.flows import sync
from medimic.flows.schemas import QuestionnaireResponseIn, ReceivedOut, SyncCursor, SyncOut
from medimic.problems import Problem
from orgs import questionnaires

router = Router(tags=["Sync"])


@router.get(
    "/sync",
    auth=device_auth,
    response=SyncOut,
    summary="Bring a device up to date",
    openapi_extra=refuses("account_needed", "cursor_unknown"),
)
def synchronize(request: HttpRequest, cursor: Annotated[SyncCursor | None, Query()] = None) -> SyncOut:
    """Without a cursor everything that the account's devices know: its sessions, invitations and
    organizations, and for a patient what they are to answer. With the cursor of the last answer,
    what changed since; a thing that went is in `deleted`. A call whose answer was lost is repeated
    with the cursor of before."""
    answer = sync.next_round(_account(request), cursor or "")
    found = answer.found
    return SyncOut.model_validate(
        {
            "cursor": answer.cursor,
            "has_more": answer.has_more,
            "is_first_round": answer.is_first,
            "sessions": found.get(Kind.SESSION, []),
            "invitations": found.get(Kind.INVITATION, []),
            "organizations": found.get(Kind.ORGANIZATION, []),
            "enrollments": found.get(Kind.ENROLLMENT, []),
            "questionnaires": found.get(Kind.QUESTIONNAIRE, []),
            "deleted": [{"kind": kind.value, "id": pk} for kind, pk in answer.gone],
        }
    )


@router.post(
    "/questionnaire-responses",
    auth=device_auth,
    response={200: ReceivedOut, 201: ReceivedOut},
    summary="Return answers to a questionnaire",
    openapi_extra=refuses("account_needed", "questionnaire_unknown", "answers_rejected", "response_taken"),
)
def answer_questionnaire(request: HttpRequest, body: QuestionnaireResponseIn) -> Status[ReceivedOut]:
    """By a patient's device. Send the same `id` with the same answers again where the answer of this
    call was lost: it is then 200. A version that was retired meanwhile can still be answered."""
    person = _account(request)
    response, is_new = questionnaires.receive(
        person=person,
        client_id=body.id,
        content=body.content(),
        authored_at=body.authored,
        origin=Origin.device(request, person.pk),
    )
    received = ReceivedOut(id=response.client_id, received_at=response.received_at)
    return Status(201 if is_new else 200, received)


def _account(request: HttpRequest) -> Person:
    held: Token = request.auth  # type: ignore[attr-defined]
    account = held.authorization.account
    if account is None:
        raise Problem(403, "account_needed", _("Sign in on this device first."))
    return account
