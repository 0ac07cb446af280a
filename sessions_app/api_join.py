"""Joining a session, and what happens at its door, over the API."""

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from ninja import Router, Status

from devices import dpop
from devices.auth import device_auth
from medimic.api_schema import refuses
from medimic.audit.log import Origin
from medimic.problems import Problem
from sessions_app import admission, joining, live, roster
from sessions_app.live import live_auth
from sessions_app.models import Participant
from sessions_app.schemas_join import (
    AdmissionIn,
    AdmissionOut,
    JoinedOut,
    JoinIn,
    ParticipantOut,
    RosterOut,
    SpeakerIn,
    WaitingOut,
)

router = Router(tags=["Taking part"])


@router.post(
    "/sessions/join",
    response={201: JoinedOut},
    summary="Join a session by its code",
    openapi_extra={
        "security": [{"TokenAuth": []}, {}],
        **refuses(
            "code_unknown",
            "too_many_guesses",
            "role_refused",
            "already_host",
            "handshake_step",
            "device_blocked",
            "guest_device_needed",
        ),
    },
)
def join_session(request: HttpRequest, body: JoinIn) -> Status[dict[str, Any]]:
    """With the access token of a device; or without one, as a guest, with `device` in the body. The
    device waits until the host admits it; its session token reads its own state until then. The same call
    again finds the same participant, with a new token. An unknown code and that of a session which is
    ended, expired or full are answered alike."""
    wanted = joining.Joining(
        code=body.code, name=body.name, role=body.role, key_commitment=body.key_commitment
    )
    joined = _join(request, wanted, body)
    return Status(
        201,
        {
            "session_id": joined.visit.pk,
            "participant_id": joined.participant.pk,
            "session_token": joined.session_token,
            "host_name": joined.host_name,
            "expires_at": joined.visit.expires_at,
            "state": joined.participant.state,
        },
    )


@router.get(
    "/sessions/{uuid:session_id}/participants",
    response={200: RosterOut | WaitingOut, 304: None},
    auth=live_auth,
    summary="See who takes part",
)
def participants(request: HttpRequest, session_id: uuid.UUID, response: HttpResponse) -> Any:
    """Ask with `If-None-Match` for as long as nothing changed: the answer is 304 then. Who is not admitted
    yet reads their own state alone; the host reads the handshakes of those who wait."""
    caller = live.caller(request, session_id)
    tag = live.tag_of(caller)
    if live.is_known(request, tag):
        return live.unchanged(tag)
    response["ETag"] = tag
    return roster.seen_by(caller.token)


@router.put(
    "/sessions/{uuid:session_id}/participants/{uuid:participant_id}/admission",
    response=AdmissionOut,
    auth=live_auth,
    summary="Take a step of an admission",
    openapi_extra=refuses(
        "host_only", "handshake_step", "commitment_mismatch", "role_refused", "session_over"
    ),
)
def admit_participant(
    request: HttpRequest, session_id: uuid.UUID, participant_id: uuid.UUID, body: AdmissionIn
) -> Participant:
    """In this order, each once, the same again being fine: the host answers the commitment with its key and
    nonce; the joiner reveals its own; both show six digits; the host admits with the session key wrapped for
    the joiner, or refuses. Refusing who was admitted removes them."""
    token = live.caller(request, session_id).token
    origin = Origin.device(request, token.authorization.account_id)
    match body.action:
        case "answer":
            return admission.answer(token, participant_id, **body.half())
        case "reveal":
            return admission.reveal(token, participant_id, **body.half())
        case "admit":
            role, wrapped = body.role or "", body.wrapped or ""
            return admission.admit(token, participant_id, role=role, wrapped=wrapped, origin=origin)
        case _:
            return admission.refuse(token, participant_id, origin=origin)


@router.post(
    "/sessions/{uuid:session_id}/participants",
    response={200: ParticipantOut, 201: ParticipantOut},
    auth=live_auth,
    summary="Add a speaker on the host's screen",
    openapi_extra=refuses(
        "host_only", "shared_device_only", "speaker_taken", "role_refused", "session_full", "session_over"
    ),
)
def add_speaker(request: HttpRequest, session_id: uuid.UUID, body: SpeakerIn) -> Status[dict[str, Any]]:
    """For the host of a session in the mode Shared Device. With an `id` of its own making the caller may
    ask again: the same speaker is found, and the answer is 200."""
    token = live.caller(request, session_id).token
    origin = Origin.device(request, token.authorization.account_id)
    speaker, is_new = admission.add_speaker(
        token, speaker_id=body.id, name=body.name, role=body.role, origin=origin
    )
    return Status(201 if is_new else 200, roster.line(speaker, is_you=True))


@router.post(
    "/sessions/{uuid:session_id}/leave",
    response={204: None},
    auth=live_auth,
    summary="Leave a session",
    openapi_extra=refuses("host_stays", "session_over"),
)
def leave_session(request: HttpRequest, session_id: uuid.UUID) -> Status[None]:
    """By anybody but the host; their session tokens end."""
    token = live.caller(request, session_id).token
    admission.leave(token, origin=Origin.device(request, token.authorization.account_id))
    return Status(204, None)


def _join(request: HttpRequest, wanted: joining.Joining, body: JoinIn) -> joining.Joined:
    if ("Authorization" in request.headers) == (body.device is not None):
        raise Problem(
            422, "guest_device_needed", _("Send either a device's token or, as a guest, its description.")
        )
    if body.device is not None:
        proof = dpop.read(request)
        if proof is not None:
            proof.spend()
        jkt = proof.thumbprint if proof else ""
        origin = Origin.device(request, None)
        return joining.join_as_guest(wanted, device=body.device, origin=origin, jkt=jkt)
    token = device_auth(request)
    authorization = token.authorization
    origin = Origin.device(request, authorization.account_id)
    return joining.join(wanted, authorization=authorization, origin=origin, jkt=token.bound_to)
