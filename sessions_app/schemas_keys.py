"""The bodies and answers of carrying keys over from one of a person's devices to another."""

import datetime as dt
import uuid
from typing import Annotated, Literal

from ninja import Field

from devices.keys import PublicKey
from devices.schemas import Key
from medimic.api_schema import Body, Id, Reply
from sessions_app.schemas_join import Bytes32
from sessions_app.schemas_segments import Wrapped

MOST_IN_A_CALL = 200
State = Literal["waiting", "approved", "refused", "withdrawn", "expired"]


class KeyRequestIn(Body):
    key_commitment: Annotated[
        Bytes32, Field(description="SHA-256 over the label, the public key and the nonce, base64url.")
    ]
    session_id: Annotated[
        Id | None, Field(description="The session whose key is asked for; left out or null: all.")
    ] = None


class HalfIn(Body):
    """One side's half of the handshake."""

    public_key: Annotated[Key, Field(description="The device's own, from now on.")]
    nonce: Annotated[Bytes32, Field(description="32 random bytes, for this request alone.")]


class CarriedIn(Body):
    session_id: Id
    wrapped: Annotated[Wrapped, Field(description="40 bytes (RFC 3394), base64url.")]


class ApprovalIn(Body):
    envelopes: Annotated[list[CarriedIn], Field(max_length=MOST_IN_A_CALL)]
    done: Annotated[bool, Field(description="Whether these are the last; false: more follow.")] = True


class DeviceName(Reply):
    id: uuid.UUID
    name: str


class KeyRequestOut(Reply):
    """A key request, as each of the person's devices sees it."""

    id: uuid.UUID
    state: State
    session_id: uuid.UUID | None = Field(description="Null: for all that the answering device can open.")
    created_at: dt.datetime
    expires_at: dt.datetime
    asked_by: DeviceName
    is_yours: bool = Field(description="Asked by the calling device.")
    answered_by: DeviceName | None
    is_answered_by_you: bool
    commitment: str
    responder_key: PublicKey | None
    responder_nonce: str | None
    public_key: PublicKey | None
    nonce: str | None
    carried: int = Field(description="How many sessions' keys were carried over so far.")


class KeyRequestListOut(Reply):
    key_requests: list[KeyRequestOut]


class OwnEnvelope(Reply):
    session_id: uuid.UUID
    wrapped: str
    sender_key: PublicKey
    thumbprint: str


class OwnEnvelopesOut(Reply):
    envelopes: list[OwnEnvelope]
    next: uuid.UUID | None = Field(description="For `after`, to read on; null at the end.")
