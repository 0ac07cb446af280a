"""Sessions over the API."""

import uuid
from typing import Annotated, Any

from django.http import Http404, HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from ninja import Header, Query, Router

from devices import dpop
from devices.auth import TokenAuth, device_auth, session_auth
from devices.models import DeviceAuthorization, Token
from devices.schemas import DeviceIn, TokensOut
from medimic.api_schema import refuses
from medimic.audit.log import Origin
from medimic.pagination import Place
from medimic.problems import Problem
from sessions_app import claims, history, visits
from sessions_app.models import Participant, Visit
from sessions_app.schemas import (
    ClaimedOut,
    ClaimedSession,
    ClaimIn,
    Cursor,
    IdempotencyKey,
    SessionIn,
    SessionListOut,
    SessionOut,
    StartedOut,
)

PAGE_SIZE = 50

router = Router(tags=["Sessions"])


class SessionOrDeviceAuth(TokenAuth):
    """The token of one session, or the access token of a device."""

    def __init__(self) -> None:
        super().__init__(Token.Kind.SESSION)

    def authenticate(self, request: HttpRequest, token: str) -> Token:
        try:
            return session_auth.authenticate(request, token)
        except Problem as problem:
            if problem.code != "token_unknown":
                raise
        return device_auth.authenticate(request, token)


@router.post(
    "/sessions",
    response={201: StartedOut},
    summary="Start a session",
    openapi_extra={
        "security": [{"TokenAuth": []}, {}],
        **refuses(
            "device_blocked",
            "patients_cannot_create",
            "quota_exceeded",
            "payment_required",
            "organization_unknown",
            "idempotency_mismatch",
            "answer_received",
            "guest_device_needed",
        ),
    },
)
def start_session(
    request: HttpRequest,
    body: SessionIn,
    idempotency_key: Annotated[IdempotencyKey | None, Header(alias="Idempotency-Key")] = None,
) -> StartedOut:
    """With the access token of a device; or without one, as a guest, with `device` in the body: the
    device is registered and gets tokens of its own. Send a fresh `Idempotency-Key` with each session:
    whoever repeats a call whose answer was lost then finds the same session, with a new session token.
    A guest may bind its tokens to a key, as with device-login."""
    wanted = visits.Wanted(
        name=body.name,
        mode=body.mode,
        organization_id=body.organization_id,
        chooses_organization="organization_id" in body.model_fields_set,
        idempotency_key=idempotency_key or "",
    )
    started = _start(request, wanted, body.device)
    return StartedOut(
        **_facts(started.visit, is_host=True),
        session_token=started.session_token,
        tokens=TokensOut.model_validate(started.tokens) if started.tokens else None,
    )


@router.get("/sessions", response=SessionListOut, auth=device_auth, summary="List sessions")
def list_sessions(request: HttpRequest, after: Annotated[Cursor | None, Query()] = None) -> SessionListOut:
    """Those that the account hosted or took part in, newest first. A guest's device gets the ones that
    it started since it got its tokens."""
    authorization = _token(request).authorization
    part = history.of_device(authorization, size=PAGE_SIZE, place=Place(after=after or ""))
    return SessionListOut(
        sessions=[_session(visit, authorization) for visit in part.visits],
        next=part.edges[1] if part.has_next else None,
    )


@router.post(
    "/sessions/claim",
    response=ClaimedOut,
    auth=device_auth,
    summary="Take a guest's sessions along",
    openapi_extra=refuses("account_needed", "guest_token_refused"),
)
def claim_sessions(request: HttpRequest, body: ClaimIn) -> ClaimedOut:
    """After the first sign-in on a device that was used without an account: the sessions which that guest
    started become the account's, and the guest's tokens end. What they used of the guest's quota stays
    used. A call whose answer was lost may be repeated."""
    caller = _token(request)
    origin = Origin.device(request, caller.authorization.account_id)
    claimed = claims.claim(body.guest_token, caller=caller, origin=origin)
    return ClaimedOut(
        sessions=[ClaimedSession(id=one.session_id, session_token=one.session_token) for one in claimed]
    )


@router.get(
    "/sessions/{uuid:session_id}",
    response=SessionOut,
    auth=SessionOrDeviceAuth(),
    summary="Read a session",
    openapi_extra=refuses("not_admitted"),
)
def read_session(request: HttpRequest, session_id: uuid.UUID) -> SessionOut:
    """With the access token of a device whose account hosted or took part, or the session's own token."""
    return _session(_visible(request, session_id), _token(request).authorization)


@router.post(
    "/sessions/{uuid:session_id}/end",
    response=SessionOut,
    auth=SessionOrDeviceAuth(),
    summary="End a session",
    openapi_extra=refuses("host_only", "not_admitted"),
)
def end_session(request: HttpRequest, session_id: uuid.UUID) -> SessionOut:
    """By its host. Every token of the session ends with it; ending it again changes nothing."""
    authorization = _token(request).authorization
    visit = _visible(request, session_id)
    if not visit.is_hosted_by(authorization):
        raise Problem(403, "host_only", _("Only the host of this session can do that."))
    visits.end(visit, origin=Origin.device(request, authorization.account_id))
    return _session(visit, authorization)


def _start(request: HttpRequest, wanted: visits.Wanted, device: DeviceIn | None) -> visits.Started:
    """For the account or guest whose token is sent; without one, for a new guest of that device."""
    if ("Authorization" in request.headers) == (device is not None):
        raise Problem(
            422, "guest_device_needed", _("Send either a device's token or, as a guest, its description.")
        )
    if device is not None:
        proof = dpop.read(request)
        if proof is not None:
            proof.spend()
        jkt = proof.thumbprint if proof else ""
        return visits.start_as_guest(wanted, device=device, origin=Origin.device(request, None), jkt=jkt)
    token = device_auth(request)
    authorization = token.authorization
    origin = Origin.device(request, authorization.account_id)
    return visits.start(wanted, authorization=authorization, origin=origin, jkt=token.bound_to)


def _token(request: HttpRequest) -> Token:
    token: Token = request.auth  # type: ignore[attr-defined]
    return token


def _visible(request: HttpRequest, session_id: uuid.UUID) -> Visit:
    """The session, if the caller's token reaches it; a foreign one is not told from a missing one."""
    token = _token(request)
    if token.kind == Token.Kind.SESSION:
        _require_admitted(token, session_id)
    reachable = (
        Visit.objects.all()
        if token.kind == Token.Kind.SESSION
        else Visit.objects.visible_to_device(token.authorization)
    )
    visit = reachable.filter(pk=session_id).first()
    if visit is None:
        raise Http404
    return visit


def _require_admitted(token: Token, session_id: uuid.UUID) -> None:
    """Who waits at the door of a session reads neither its name nor its code."""
    if token.session_id != session_id or token.participant_id is None:
        raise Http404
    if not Participant.objects.admitted().filter(pk=token.participant_id).exists():
        raise Problem(403, "not_admitted", _("The host has not admitted you to this session."))


def _session(visit: Visit, authorization: DeviceAuthorization) -> SessionOut:
    return SessionOut(**_facts(visit, is_host=visit.is_hosted_by(authorization)))


def _facts(visit: Visit, *, is_host: bool) -> dict[str, Any]:
    return {
        "id": visit.pk,
        "name": visit.name,
        "code": visit.code,
        "mode": visit.mode,
        "status": visit.status(timezone.now()),
        "is_host": is_host,
        "organization_id": visit.organization_id,
        "started_at": visit.started_at,
        "expires_at": visit.expires_at,
        "ended_at": visit.ended_at,
    }
