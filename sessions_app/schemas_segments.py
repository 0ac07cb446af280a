"""The bodies and answers of transcripts: segments and envelopes."""

import datetime as dt
import uuid
from typing import Annotated

from ninja import Field
from pydantic import AfterValidator, StringConstraints

from devices.keys import PublicKey
from devices.schemas import Key
from medimic.api_schema import Body, Id, Reply
from sessions_app import base64url
from sessions_app.models.transcripts import LONGEST_SEGMENT

NONCE_BYTES = 12
TAG_BYTES = 16
WRAPPED_BYTES = 40
THUMBPRINT_BYTES = 32
MOST_IN_A_CALL = 50
MOST_IN_AN_ANSWER = 200
# What a column of positive integers holds everywhere.
LAST_SEQUENCE = 2**31 - 1
LAST_POSITION = 2**63 - 1

_Canonical = AfterValidator(base64url.canonical)
Nonce = Annotated[str, StringConstraints(pattern=base64url.pattern(NONCE_BYTES)), _Canonical]
Ciphertext = Annotated[
    str, StringConstraints(pattern=base64url.pattern(TAG_BYTES, LONGEST_SEGMENT)), _Canonical
]
Wrapped = Annotated[str, StringConstraints(pattern=base64url.pattern(WRAPPED_BYTES)), _Canonical]
Thumbprint = Annotated[str, StringConstraints(pattern=base64url.pattern(THUMBPRINT_BYTES)), _Canonical]
Sequence = Annotated[int, Field(ge=1, le=LAST_SEQUENCE)]


class EnvelopeIn(Body):
    """The session key, wrapped by the host's device for itself."""

    public_key: Annotated[Key, Field(description="The device's own, from now on.")]
    wrapped: Annotated[Wrapped, Field(description="40 bytes (RFC 3394), base64url.")]


class EnvelopeOut(Reply):
    """The session key, wrapped for the key with this thumbprint."""

    wrapped: str
    sender_key: PublicKey = Field(description="Of the device that made it; compare it with one you verified.")
    thumbprint: str


class SegmentIn(Body):
    participant_id: Annotated[Id, Field(description="The token's own, or a speaker on the same screen.")]
    sequence: Annotated[Sequence, Field(description="Counts from 1, for each participant.")]
    nonce: Annotated[Nonce, Field(description="12 bytes, base64url; never the same twice.")]
    ciphertext: Annotated[Ciphertext, Field(description="16 bytes to 16 KiB with the tag, base64url.")]


class SegmentsIn(Body):
    segments: Annotated[list[SegmentIn], Field(min_length=1, max_length=MOST_IN_A_CALL)]


class SegmentOut(Reply):
    position: int = Field(description="Orders the session's segments as they arrived.")
    participant_id: uuid.UUID
    sequence: int
    nonce: str
    ciphertext: str
    is_late: bool = Field(description="Delivered after the session's end.")
    created_at: dt.datetime


class SegmentListOut(Reply):
    segments: list[SegmentOut]
    next: int = Field(description="For `after` of the next call, whether there is more yet or not.")


class DeliveredOut(Reply):
    accepted: int = Field(description="How many are kept, those of earlier calls among them.")
    reserved_up_to: dict[str, int] = Field(
        description="For each participant of the call, the highest sequence that may be used."
    )
