"""Transcripts over the API: encrypted segments, and envelopes with the key to them."""

import uuid
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from ninja import Query, Router, Status

from medimic.api_schema import refuses
from medimic.problems import Problem
from sessions_app import callers, envelopes, live, segments
from sessions_app.callers import reader_auth, writer_auth
from sessions_app.live import live_auth
from sessions_app.schemas_segments import (
    LAST_POSITION,
    MOST_IN_AN_ANSWER,
    DeliveredOut,
    EnvelopeIn,
    EnvelopeOut,
    SegmentListOut,
    SegmentsIn,
    Thumbprint,
)

router = Router(tags=["Transcripts"])
READS = ("not_admitted", "session_token_needed", "account_needed")


@router.put(
    "/sessions/{uuid:session_id}/envelope",
    auth=live_auth,
    response={200: EnvelopeOut, 201: EnvelopeOut},
    summary="Keep the host's own envelope",
    openapi_extra=refuses("host_only", "envelope_exists"),
)
def put_envelope(request: HttpRequest, session_id: uuid.UUID, body: EnvelopeIn) -> Status[dict[str, Any]]:
    """By the host's device, which made the session key, once: the key wrapped for itself. The public key is
    the device's from then on. The same again is answered with 200."""
    token = live.caller(request, session_id).token
    is_new = envelopes.of_host(token, key=body.public_key, wrapped=body.wrapped)
    own = callers.reader(request, session_id).envelopes.get(wrapped=body.wrapped)
    return Status(201 if is_new else 200, _envelope(own))


@router.get(
    "/sessions/{uuid:session_id}/envelope",
    auth=reader_auth,
    response=EnvelopeOut,
    summary="Read one's own envelope",
    openapi_extra=refuses("envelope_missing", *READS),
)
def get_envelope(
    request: HttpRequest, session_id: uuid.UUID, thumbprint: Annotated[Thumbprint, Query()]
) -> dict[str, Any]:
    """The session key, wrapped for the device's key of that thumbprint. With the session token of somebody
    who was admitted; after the session with a device's token or the portal sign-in of an account
    that hosted it or was admitted."""
    reader = callers.reader(request, session_id)
    envelope = reader.envelopes.filter(thumbprint=thumbprint).first()
    if envelope is None:
        raise Problem(404, "envelope_missing", _("The session's key was not wrapped for this device."))
    return _envelope(envelope)


@router.get(
    "/sessions/{uuid:session_id}/segments",
    auth=reader_auth,
    response={200: SegmentListOut, 304: None},
    summary="Read segments",
    openapi_extra=refuses(*READS),
)
def list_segments(
    request: HttpRequest,
    response: HttpResponse,
    session_id: uuid.UUID,
    after: Annotated[int, Query(ge=0, le=LAST_POSITION, description="`next` of the answer before.")] = 0,
    limit: Annotated[int, Query(ge=1, le=MOST_IN_AN_ANSWER)] = MOST_IN_AN_ANSWER,
) -> Any:
    """In the order in which they arrived. Whoever reads on sends `next` as `after` and the ETag as
    `If-None-Match`: the answer is 304 until something changed. Who may is as for the envelope."""
    reader = callers.reader(request, session_id)
    if live.is_known(request, live.tag(reader.version)):
        return live.unchanged(live.tag(reader.version))
    rows, has_more = segments.read(reader, after, limit)
    reached = rows[-1].position if rows else after
    # With more to come it is no tag of what there is: whoever sends it back gets the rest.
    response["ETag"] = live.tag(f"{reader.version}-{reached}" if has_more else reader.version)
    return SegmentListOut(segments=rows, next=reached)


@router.post(
    "/sessions/{uuid:session_id}/segments",
    auth=writer_auth,
    response=DeliveredOut,
    summary="Deliver segments",
    openapi_extra=refuses(
        "not_admitted",
        "session_token_needed",
        "account_needed",
        "sequence_taken",
        "nonce_repeated",
        "sequence_unreserved",
        "transcript_full",
        "session_over",
    ),
)
def deliver_segments(request: HttpRequest, session_id: uuid.UUID, body: SegmentsIn) -> dict[str, Any]:
    """At most 50, all or none; those that were delivered before may be sent again. For 24 hours after the end
    segments are taken whose numbers were reserved, and marked late: with the session token that ended
    with the session, or as the account's device that took part."""
    delivered = segments.deliver(body.segments, by=callers.writer(request, session_id))
    reserved = {str(pk): number for pk, number in delivered.reserved_up_to.items()}
    return {"accepted": delivered.accepted, "reserved_up_to": reserved}


def _envelope(envelope: Any) -> dict[str, Any]:
    return {
        "wrapped": envelope.wrapped,
        "sender_key": envelope.sender_key,
        "thumbprint": envelope.thumbprint,
    }
