"""The calls of the device API that are about devices."""

from functools import partial
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from ninja import Router, Status

from accounts.models import Person
from accounts.recent import authenticated_recently
from devices import actions, confirmation, dpop, handover, permissions, proof_sign_in, tokens
from devices.admission import SignedIn
from devices.auth import device_auth, device_or_portal_auth, portal_auth
from devices.confirmation import Asked
from devices.dpop import BOUND_CODES, PROOF_CODES
from devices.models import DeviceAuthorization, Token
from devices.presenters import api_record, own_record
from devices.schemas import (
    AskedOut,
    DeviceListOut,
    DeviceLoginIn,
    DevicePatch,
    DeviceRegisterIn,
    OwnDeviceOut,
    PollIn,
    RegisteredOut,
    RevokeIn,
    SentOut,
    SignedInOut,
    TokenIn,
    TokensOut,
)
from medimic.api_schema import Id, refuses
from medimic.audit.log import Origin
from medimic.problems import Problem

router = Router(tags=["Devices"])
# No plan has a limit near it but Enterprise, which has none.
LONGEST_LIST = 500


@router.post(
    "/device-register",
    auth=portal_auth,
    response={201: RegisteredOut, 202: SentOut},
    summary="Issue a link that signs a device in",
    openapi_extra=refuses(
        "reauthentication_required",
        "person_unknown",
        "device_limit",
        "payment_required",
        "no_verified_address",
    ),
)
def device_register(request: HttpRequest, body: DeviceRegisterIn) -> Status[dict[str, Any]]:
    """Reserves a place, and answers with the deep link, which is shown this once. Asks for a
    sign-in or re-authentication of the last 15 minutes. A clinician can name a patient of their
    organization; one who has a sign-in of their own, another role or another organization gets the
    link at their verified address alone, and the answer is 202 without it."""
    by: Person = request.auth  # type: ignore[attr-defined]
    if not authenticated_recently(request):
        raise Problem(
            403, "reauthentication_required", _("A link is a credential. Sign in again before you make one.")
        )
    handed = handover.issue(
        permissions.require_link_right(by, body.user_id),
        name=body.name,
        phone_number=body.phone_number,
        origin=Origin.of(request),
    )
    answer = {"device": api_record(handed.authorization), "expires_at": handed.expires_at}
    if handed.link:
        return Status(201, {**answer, "link": handed.link})
    return Status(202, {**answer, "sent_to": handed.sent_to})


@router.get(
    "/devices",
    auth=device_or_portal_auth,
    response=DeviceListOut,
    summary="List an account's devices",
    openapi_extra=refuses("person_unknown"),
)
def devices(request: HttpRequest, user_id: Id | None = None) -> dict[str, Any]:
    """Newest first. From the portal with `user_id`, one's own; a device reads its own account's."""
    caller: Token | Person = request.auth  # type: ignore[attr-defined]
    if isinstance(caller, Person):
        rows = DeviceAuthorization.objects.visible_to(permissions.account_for(caller, user_id))
    else:
        rows = DeviceAuthorization.objects.beside(caller.authorization)
        if user_id is not None and user_id != caller.authorization.account_id:
            raise permissions.person_unknown()
    newest = rows.listed().select_related("device").order_by("-created_at", "id")[:LONGEST_LIST]
    return {"devices": [api_record(row) for row in newest]}


@router.post(
    "/device-login",
    response={200: SignedInOut, 202: AskedOut},
    summary="Sign a device in with a link, or with a sign-in made on it",
    openapi_extra=refuses(
        "registration_unknown",
        "registration_expired",
        "registration_used",
        "registration_cancelled",
        "sign_in_unknown",
        "sign_in_used",
        "second_factor_needed",
        "second_factor_required",
        "email_unverified",
        "device_blocked",
        "pool_closed",
        "account_inactive",
        "device_limit",
        "payment_required",
        *PROOF_CODES,
    ),
)
def device_login(request: HttpRequest, body: DeviceLoginIn) -> Status[dict[str, Any]]:
    """The token of a link is good once. So is `sign_in_proof`: the session token of allauth's headless
    calls, here under /api/sign-in/ (login, 2fa/authenticate, email/verify, session); it ends with this call.
    A device whose answer was lost may send the very same again within
    60 seconds, as long as it used nothing of that answer. With a proof in the header DPoP (RFC 9449,
    ES256) the tokens are bound to its key: `token_type` is then DPoP, every call needs a fresh proof.
    202 where the person wants to confirm devices: show the digits, and poll."""
    proof, origin = dpop.read(request), Origin.of(request)
    if body.sign_in_proof is not None:
        return _signed_in(
            proof_sign_in.log_in(
                sign_in_proof=body.sign_in_proof, device=body.device, origin=origin, proof=proof
            )
        )
    return _signed_in(actions.log_in(token=body.token or "", device=body.device, origin=origin, proof=proof))


@router.post(
    "/device-login/poll",
    response={200: SignedInOut, 202: AskedOut},
    summary="Ask whether the sign-in was confirmed",
    openapi_extra=refuses(
        "poll_unknown",
        "confirmation_refused",
        "confirmation_expired",
        "registration_used",
        "account_inactive",
        *BOUND_CODES,
    ),
)
def device_login_poll(request: HttpRequest, body: PollIn) -> Status[dict[str, Any]]:
    """202 until the person at the portal has picked the digits, then the tokens, once. Leave
    `interval` seconds between two calls. A sign-in with a proof needs one by the same key here."""
    return _signed_in(confirmation.collect(body.poll_token, prove=partial(dpop.prove_body, request)))


@router.post(
    "/token",
    response=TokensOut,
    summary="Exchange a refresh token for new tokens",
    openapi_extra=refuses(
        "token_unknown",
        "token_expired",
        "token_ended",
        "token_reused",
        "device_revoked",
        *BOUND_CODES,
    ),
)
def token(request: HttpRequest, body: TokenIn) -> dict[str, Any]:
    """The refresh token is spent by it. Where the answer was lost, it may be sent once more within
    60 seconds; any other second use signs the device out. A bound one needs a proof by its key."""
    prove = partial(dpop.prove_body, request)
    return _tokens(tokens.rotate(body.refresh_token, Origin.of(request), prove=prove))


@router.post(
    "/revoke",
    response={200: None},
    summary="Sign this device out",
    openapi_extra=refuses(*BOUND_CODES),
)
def revoke(request: HttpRequest, body: RevokeIn) -> Status[None]:
    """RFC 7009, with any token of the device: all of them end. Also answers 200 where the token is
    unknown or over. A bound one needs a proof by its key."""
    prove = partial(dpop.prove_body, request)
    actions.sign_out(token=body.token, origin=Origin.of(request), prove=prove)
    return Status(200, None)


@router.get("/device", auth=device_auth, response=OwnDeviceOut, summary="Read this device's own record")
def device(request: HttpRequest) -> dict[str, Any]:
    return own_record(_own(request))


@router.patch("/device", auth=device_auth, response=OwnDeviceOut, summary="Change this device's own record")
def update_device(request: HttpRequest, body: DevicePatch) -> dict[str, Any]:
    """Versions, name and push token; what is left out stays, and `"push": null` ends pushes."""
    authorization = _own(request)
    origin = Origin.device(request, authorization.account_id)
    actions.update_record(authorization=authorization, changes=body, origin=origin)
    return own_record(authorization)


def _own(request: HttpRequest) -> DeviceAuthorization:
    held: Token = request.auth  # type: ignore[attr-defined]
    return held.authorization


def _signed_in(outcome: SignedIn | Asked) -> Status[dict[str, Any]]:
    if isinstance(outcome, Asked):
        given = {"digits": outcome.digits, "poll_token": outcome.poll_token}
        told = {name: value for name, value in given.items() if value}
        return Status(202, {"interval": outcome.interval, **told})
    return Status(200, {**_tokens(outcome.tokens), "device": own_record(outcome.authorization)})


def _tokens(issued: tokens.IssuedTokens) -> dict[str, Any]:
    return {
        "access_token": issued.access_token,
        "refresh_token": issued.refresh_token,
        "token_type": issued.token_type,
        "expires_in": issued.expires_in,
    }
