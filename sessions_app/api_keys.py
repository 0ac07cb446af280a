"""Carrying keys over, from one of a person's devices to another, over the API."""

import uuid
from typing import Annotated, Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from ninja import Query, Router, Status

from accounts.models import Person
from devices import browser_sign_ins, browsers
from devices.auth import device_or_portal_auth
from devices.models import DeviceAuthorization, Token
from medimic.api_schema import Id, refuses
from medimic.audit.log import Origin
from medimic.problems import Problem
from sessions_app import key_requests, live
from sessions_app.models import Envelope, KeyRequest
from sessions_app.schemas_keys import (
    ApprovalIn,
    HalfIn,
    KeyRequestIn,
    KeyRequestListOut,
    KeyRequestOut,
    OwnEnvelopesOut,
)
from sessions_app.schemas_segments import Thumbprint

router = Router(tags=["Carrying keys over"])
PAGE_SIZE = 200
STEP = ("account_needed", "browser_unknown", "handshake_step", "key_request_over")


@router.get(
    "/key-requests",
    auth=device_or_portal_auth,
    response=KeyRequestListOut,
    summary="List open key requests",
    openapi_extra=refuses("account_needed"),
)
def list_key_requests(request: HttpRequest) -> dict[str, Any]:
    """Those of the account's devices that wait to be answered or decided, the oldest first."""
    rows = (
        _own(request).open(timezone.now()).filter(authorization__revoked_at=None).order_by("created_at", "id")
    )
    device = _device(request)
    return {"key_requests": [_shown(row, device) for row in rows]}


@router.post(
    "/key-requests",
    auth=device_or_portal_auth,
    response={200: KeyRequestOut, 201: KeyRequestOut},
    summary="Ask one's other devices for keys",
    openapi_extra=refuses(
        "account_needed", "browser_unknown", "device_limit", "payment_required", "handshake_step"
    ),
)
def ask_for_keys(request: HttpRequest, body: KeyRequestIn) -> Status[KeyRequestOut]:
    """Good for 10 minutes; a device's next request takes the place of the one before. A browser becomes a
    device of the account by it, if it was none. The very same again is answered with 200."""
    device = _device(request) or _registered(request)
    asked, is_new = key_requests.ask(
        device, commitment=body.key_commitment, session_id=body.session_id, origin=_origin(request)
    )
    return Status(201 if is_new else 200, _shown(asked, device))


@router.get(
    "/key-requests/{uuid:request_id}",
    auth=device_or_portal_auth,
    response={200: KeyRequestOut, 304: None},
    summary="Read a key request",
    openapi_extra=refuses("account_needed"),
)
def read_key_request(request: HttpRequest, response: HttpResponse, request_id: uuid.UUID) -> Any:
    """Also once it is decided. Ask with `If-None-Match` for as long as nothing changed: the answer is 304."""
    row = _own(request).filter(pk=request_id).first()
    if row is None:
        raise Http404
    tag = live.tag(f"{row.version}-{_state(row)}")
    if live.is_known(request, tag):
        return live.unchanged(tag)
    response["ETag"] = tag
    return _shown(row, _device(request))


@router.put(
    "/key-requests/{uuid:request_id}/answer",
    auth=device_or_portal_auth,
    response=KeyRequestOut,
    summary="Answer a key request",
    openapi_extra=refuses("own_request", *STEP),
)
def answer_key_request(request: HttpRequest, request_id: uuid.UUID, body: HalfIn) -> KeyRequestOut:
    """By another device of the account, with its key and a nonce of its own; the first one that answers
    goes on with it."""
    device = _known(request)
    answered = key_requests.answer(
        request_id, device, key=body.public_key, nonce=body.nonce, origin=_origin(request)
    )
    return _shown(answered, device)


@router.put(
    "/key-requests/{uuid:request_id}/reveal",
    auth=device_or_portal_auth,
    response=KeyRequestOut,
    summary="Reveal what a key request committed to",
    openapi_extra=refuses("commitment_mismatch", *STEP),
)
def reveal_key_request(request: HttpRequest, request_id: uuid.UUID, body: HalfIn) -> KeyRequestOut:
    """By the device that asked, once it was answered. From then on both show the same six digits."""
    device = _known(request)
    revealed = key_requests.reveal(
        request_id, device, key=body.public_key, nonce=body.nonce, origin=_origin(request)
    )
    return _shown(revealed, device)


@router.put(
    "/key-requests/{uuid:request_id}/approval",
    auth=device_or_portal_auth,
    response=KeyRequestOut,
    summary="Hand the keys over",
    openapi_extra=refuses("own_request", "envelope_missing", *STEP),
)
def approve_key_request(request: HttpRequest, request_id: uuid.UUID, body: ApprovalIn) -> KeyRequestOut:
    """By the device that answered, once the person has compared the digits: session keys, each wrapped for
    the key that was revealed. At most 200 a call; with `"done": false` more follow, and there are 10
    minutes more."""
    device = _known(request)
    approved = key_requests.approve(
        request_id,
        device,
        wrapped={one.session_id: one.wrapped for one in body.envelopes},
        is_done=body.done,
        origin=_origin(request),
    )
    return _shown(approved, device)


@router.put(
    "/key-requests/{uuid:request_id}/refusal",
    auth=device_or_portal_auth,
    response=KeyRequestOut,
    summary="Refuse a key request",
    openapi_extra=refuses("own_request", *STEP),
)
def refuse_key_request(request: HttpRequest, request_id: uuid.UUID) -> KeyRequestOut:
    """By any other device of the account."""
    device = _known(request)
    return _shown(key_requests.refuse(request_id, device, origin=_origin(request)), device)


@router.put(
    "/key-requests/{uuid:request_id}/withdrawal",
    auth=device_or_portal_auth,
    response=KeyRequestOut,
    summary="Withdraw a key request",
    openapi_extra=refuses(*STEP),
)
def withdraw_key_request(request: HttpRequest, request_id: uuid.UUID) -> KeyRequestOut:
    """By the device that asked."""
    device = _known(request)
    return _shown(key_requests.withdraw(request_id, device, origin=_origin(request)), device)


@router.get(
    "/envelopes",
    auth=device_or_portal_auth,
    response=OwnEnvelopesOut,
    summary="List one's own envelopes",
    openapi_extra=refuses("account_needed"),
)
def list_envelopes(
    request: HttpRequest,
    thumbprint: Annotated[Thumbprint, Query(description="Of the key that they were made for.")],
    after: Annotated[Id | None, Query(description="`next` of the page before.")] = None,
) -> dict[str, Any]:
    """All session keys that were wrapped for one of the account's devices, 200 a page."""
    mine = Envelope.objects.filter(person=_account_id(request), thumbprint=thumbprint)
    if after is not None:
        mine = mine.filter(visit__gt=after)
    rows = list(mine.order_by("visit")[: PAGE_SIZE + 1])
    page = rows[:PAGE_SIZE]
    return {
        "envelopes": [
            {
                "session_id": row.visit_id,
                "wrapped": row.wrapped,
                "sender_key": row.sender_key,
                "thumbprint": row.thumbprint,
            }
            for row in page
        ],
        "next": page[-1].visit_id if len(rows) > PAGE_SIZE else None,
    }


def _caller(request: HttpRequest) -> Token | Person:
    by: Token | Person = request.auth  # type: ignore[attr-defined]
    return by


def _account_id(request: HttpRequest) -> uuid.UUID:
    by = _caller(request)
    account_id = by.authorization.account_id if isinstance(by, Token) else by.pk
    if account_id is None:
        raise Problem(403, "account_needed", _("Sign in on this device first."))
    return account_id


def _own(request: HttpRequest) -> Any:
    rows = KeyRequest.objects.filter(person=_account_id(request))
    return rows.select_related("authorization__device", "responder__device")


def _device(request: HttpRequest) -> DeviceAuthorization | None:
    """The account's device that calls; None for a browser that is none."""
    by = _caller(request)
    _account_id(request)
    return by.authorization if isinstance(by, Token) else browsers.taking_part(request)


def _known(request: HttpRequest) -> DeviceAuthorization:
    device = _device(request)
    if device is None:
        raise _unknown()
    return device


def _registered(request: Any) -> DeviceAuthorization:
    """This browser, made a device of the account: it is to read transcripts from now on."""
    if not browsers.this(request):
        raise _unknown()
    authorization = browsers.authorization_for(request)
    browser_sign_ins.bind(request, authorization)
    return authorization


def _unknown() -> Problem:
    return Problem(403, "browser_unknown", _("This browser is none of the account's devices yet."))


def _origin(request: HttpRequest) -> Origin:
    by = _caller(request)
    if isinstance(by, Token):
        return Origin.device(request, by.authorization.account_id)
    return Origin.of(request)


def _state(row: KeyRequest) -> str:
    is_expired = row.state == KeyRequest.State.WAITING and not row.is_open(timezone.now())
    return "expired" if is_expired else row.state


def _shown(row: KeyRequest, device: DeviceAuthorization | None) -> KeyRequestOut:
    own = device.pk if device else None
    return KeyRequestOut.model_validate(
        {
            "id": row.pk,
            "state": _state(row),
            "session_id": row.visit_id,
            "created_at": row.created_at,
            "expires_at": row.expires_at,
            "asked_by": _name(row.authorization),
            "is_yours": row.authorization_id == own,
            "answered_by": _name(row.responder) if row.responder else None,
            "is_answered_by_you": own is not None and row.responder_id == own,
            "commitment": row.commitment,
            "responder_key": row.responder_key,
            "responder_nonce": row.responder_nonce or None,
            "public_key": row.public_key,
            "nonce": row.nonce or None,
            "carried": row.carried,
        }
    )


def _name(authorization: DeviceAuthorization) -> dict[str, Any]:
    return {"id": authorization.pk, "name": authorization.title}
