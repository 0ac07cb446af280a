"""The bodies and answers of joining, and of what happens at the door."""

import datetime as dt
import uuid
from typing import Annotated, Any, Literal, Self

from ninja import Field
from pydantic import AfterValidator, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from devices.keys import PublicKey
from devices.schemas import DeviceIn, Key
from medimic.api_schema import Body, Id, Name, Reply
from sessions_app import base64url
from sessions_app.schemas import Mode, Status
from sessions_app.schemas_segments import Wrapped

# Those of the model, as a test makes sure.
Role = Literal["provider", "patient", "interpreter", "other"]
State = Literal["waiting", "admitted", "refused"]
# A commitment, or a nonce.
Bytes32 = Annotated[
    str, StringConstraints(pattern=base64url.pattern(32)), AfterValidator(base64url.canonical)
]


class JoinIn(Body):
    code: Annotated[
        str,
        StringConstraints(min_length=1, max_length=20),
        Field(description="As people write it: spaces, dashes and case do not matter."),
    ]
    name: Annotated[Name, Field(description="What the others see.")]
    role: Annotated[Role, Field(description="What the host is asked to confirm.")]
    key_commitment: Annotated[
        Bytes32, Field(description="SHA-256 over the label, the public key and the nonce, base64url.")
    ]
    device: Annotated[
        DeviceIn | None, Field(description="For a guest's device, which has no token; else left out.")
    ] = None


class JoinedOut(Reply):
    session_id: uuid.UUID
    participant_id: uuid.UUID
    session_token: str | None = Field(description="Reads its own state alone until the host admits.")
    host_name: str
    expires_at: dt.datetime
    state: State


class AdmissionIn(Body):
    """One step. `answer` (host) and `reveal` (joiner) take `public_key` and `nonce`, `admit` (host) takes
    `role` and `wrapped`, `refuse` (host) nothing."""

    action: Literal["answer", "reveal", "admit", "refuse"]
    public_key: Key | None = None
    nonce: Bytes32 | None = None
    role: Role | None = None
    wrapped: Wrapped | None = None

    @model_validator(mode="after")
    def _has_what_its_step_takes(self) -> Self:
        takes = {"answer": {"public_key", "nonce"}, "reveal": {"public_key", "nonce"}, "refuse": set()}
        given = {
            name for name in ("public_key", "nonce", "role", "wrapped") if getattr(self, name) is not None
        }
        if given != takes.get(self.action, {"role", "wrapped"}):
            raise PydanticCustomError("wrong_members", "The step takes other members")
        return self

    def half(self) -> dict[str, Any]:
        """One side of the handshake."""
        return {"key": self.public_key, "nonce": self.nonce}


class SpeakerIn(Body):
    id: Annotated[Id | None, Field(description="Made by the caller, so that it can ask again.")] = None
    name: Name
    role: Role


class ParticipantOut(Reply):
    """Somebody in the session, as another one sees them."""

    id: uuid.UUID
    name: str
    role: Role
    is_host: bool
    state: State
    joined_at: dt.datetime
    left_at: dt.datetime | None
    is_you: bool = Field(description="The token's own; speakers on the same screen too.")
    reserved_up_to: int | None = Field(None, description="Of one's own: the highest sequence to be used.")
    commitment: str | None = Field(None, description="For the host, as are the following, of who waits.")
    host_key: PublicKey | None = None
    host_nonce: str | None = None
    public_key: PublicKey | None = None
    nonce: str | None = None


class LiveSession(Reply):
    status: Status
    expires_at: dt.datetime
    version: int
    name: str
    code: str
    mode: Mode


class InvitationOut(Reply):
    id: uuid.UUID
    email: str
    state: Literal["open", "accepted", "declined", "withdrawn"]
    created_at: dt.datetime


class RosterOut(Reply):
    """To somebody who takes part."""

    session: LiveSession
    participants: list[ParticipantOut]
    invitations: list[InvitationOut] | None = Field(None, description="For the host.")


class StatusOnly(Reply):
    status: Status


class OwnState(Reply):
    id: uuid.UUID
    state: State
    host_name: str
    host_key: PublicKey | None
    host_nonce: str | None


class WaitingOut(Reply):
    """To somebody who is not let in yet."""

    session: StatusOnly
    participant: OwnState


class AdmissionOut(Reply):
    """The participant after the step, as `GET …/participants` tells the caller of them."""

    id: uuid.UUID
    state: State
    role: Role
    left_at: dt.datetime | None
