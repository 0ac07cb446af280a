"""The bodies and answers of the sessions' API."""

import datetime as dt
import uuid
from typing import Annotated, Literal

from ninja import Field

from devices.schemas import DeviceIn, TokensOut, TokenText
from medimic.api_schema import Body, Id, Name, Reply, token

# Those of the model, as a test makes sure.
Mode = Literal["shared_device", "two_device"]
Status = Literal["active", "ended", "expired"]
IdempotencyKey = token(128)
Cursor = token(500)


class SessionIn(Body):
    """A session to start."""

    name: Annotated[Name, Field(description="What the host calls it; nobody but its participants reads it.")]
    mode: Mode = "shared_device"
    organization_id: Annotated[
        Id | None,
        Field(description="Whose session it is; null for the account's own. Left out: as last time."),
    ] = None
    device: Annotated[
        DeviceIn | None, Field(description="For a guest's device, which has no token yet; else left out.")
    ] = None


class SessionOut(Reply):
    """A session, as a participant sees it."""

    id: uuid.UUID
    name: str
    code: str = Field(description="6 characters; joins the session while it is active.")
    mode: Mode
    status: Status
    is_host: bool
    organization_id: uuid.UUID | None
    started_at: dt.datetime
    expires_at: dt.datetime
    ended_at: dt.datetime | None


class StartedOut(SessionOut):
    """A session that was just started."""

    session_token: str | None = Field(description="Lets this device take part; null where it is over.")
    tokens: TokensOut | None = Field(description="A guest's device gets its own; null for all others.")


class SessionListOut(Reply):
    sessions: list[SessionOut]
    next: str | None = Field(description="For `after`, to read on; null at the end.")


class ClaimIn(Body):
    guest_token: Annotated[
        TokenText, Field(description="An access or refresh token that the guest on this device was given.")
    ]


class ClaimedSession(Reply):
    id: uuid.UUID
    session_token: str | None = Field(description="Takes the guest's place; null where the session is over.")


class ClaimedOut(Reply):
    """What the account has now, by this call or by an earlier one with the same token."""

    sessions: list[ClaimedSession]
