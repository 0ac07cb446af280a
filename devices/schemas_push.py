"""What a device says of its pushes, over the API."""

import datetime as dt
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from medimic.api_schema import Body, Reply

Clock = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class QuietHours(Body):
    """From `start` until `end`, of every day, in the time zone of the account; may span midnight."""

    start: Clock
    end: Clock

    @model_validator(mode="after")
    def _is_a_span(self) -> Self:
        if self.start == self.end:
            raise PydanticCustomError("empty_span", "start and end are the same")
        return self

    @property
    def times(self) -> tuple[dt.time, dt.time]:
        return dt.time.fromisoformat(self.start), dt.time.fromisoformat(self.end)


class NotificationPreferencesIn(Body):
    """All of it: what is sent takes the place of what there was."""

    participant_joined: bool
    invitation_accepted: bool
    session_expiring: bool
    quiet_hours: QuietHours | None = Field(description="null: at any hour.")


class QuietHoursOut(Reply):
    start: str
    end: str


class NotificationPreferencesOut(Reply):
    participant_joined: bool
    invitation_accepted: bool
    session_expiring: bool
    quiet_hours: QuietHoursOut | None
