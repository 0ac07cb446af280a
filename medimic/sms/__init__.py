"""Text messages, in the way of Django's mails: one interface, and a backend that SMS_URL chooses.

    connect().send(Text(to="+447700900123", body="…", reference=str(uuid)))

Sends at once; what should survive a failure goes through `medimic.outbox.sms`.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string


@dataclass(frozen=True)
class Text:
    """One message to one number, in E.164.

    `reference` stays the same from one attempt to the next, so that a gateway can
    see a repetition.
    """

    to: str
    body: str
    reference: str


class NotSent(Exception):
    """The message did not go out. The reason quotes neither number nor text."""


class Refused(NotSent):
    """It never will: trying again is of no use."""


class Unavailable(NotSent):
    """Not now; no sooner than `after`, where the other side named a time."""

    def __init__(self, reason: str, *, after: dt.timedelta | None = None) -> None:
        super().__init__(reason)
        self.after = after


class Unreachable(Unavailable):
    """Not now, since the service itself is away: no connection, a time-out, an answer of 5xx."""


class Backend(Protocol):
    """One way to get a text out. Its constructor takes `SMS_OPTIONS`."""

    def send(self, text: Text) -> None:
        """Return once the text was taken over; raise `Refused` or `Unavailable` otherwise."""
        ...


def is_available() -> bool:
    """Whether this installation can send texts at all."""
    return bool(settings.SMS_BACKEND)


def connect() -> Backend:
    """The backend of the settings, ready to send."""
    if not is_available():
        raise Unavailable("no SMS_URL is set")
    backend: Backend = import_string(settings.SMS_BACKEND)(**settings.SMS_OPTIONS)
    return backend
