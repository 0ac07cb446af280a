"""What a push tells, and what a notification service may answer beside taking it over."""

import datetime as dt
import uuid
from dataclasses import dataclass


@dataclass(frozen=True)
class PushAlert:
    """One alert for one device: metadata alone, in generic words.

    Services and whoever looks at a locked screen read it: no name of a person or of a session, no code,
    nothing clinical.
    """

    # The delivery's, the same for each attempt: what lets the other side see a repetition.
    id: uuid.UUID
    kind: str
    title: str
    body: str
    # Where a tap leads in the portal; an app goes by `session_id`.
    path: str
    # Opaque, at most 32 url-safe characters: a later alert of the same one takes the earlier one's place.
    collapse_id: str
    expires_at: dt.datetime
    session_id: uuid.UUID | None = None


class Unregistered(Exception):
    """The token is dead, and no push will ever reach it: it must leave routing."""
