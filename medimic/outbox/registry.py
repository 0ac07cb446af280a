"""What apps tell the outbox when they are ready: how a channel sends, whether a message
is still wanted, and what the worker does from time to time.

Imports no model, so that `apps.py` may import this at its top.
"""

import datetime as dt
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Message:
    """One delivery, opened for the channel that sends it.

    `id` stays the same from one attempt to the next: a message may be sent twice
    (a worker that dies after sending leaves no trace of it), so a channel passes
    the id on in whatever way lets the other side see the repetition.
    """

    id: uuid.UUID
    kind: str
    recipient: str
    body: dict[str, Any]
    created_at: dt.datetime
    person_id: uuid.UUID | None = None
    subject_id: uuid.UUID | None = None


class Retry(Exception):
    """Not now: to be tried again, no sooner than `after` if the other side named a time."""

    def __init__(self, reason: str, *, after: dt.timedelta | None = None) -> None:
        super().__init__(reason)
        self.after = after


class Unreachable(Retry):
    """Not now, since the service itself is away: a time-out, no connection, an answer of 5xx.

    Counts towards the circuit breaker of the delivery's `service`, as no other `Retry` does.
    """


class Refused(Exception):
    """Never: the other side said that trying again is of no use."""


class Unwanted(Exception):
    """No longer: right before sending, the channel found that nobody wants the message. Its text is
    the reason that staff read. `is_reached` where it is the service that said so."""

    def __init__(self, reason: str = "", *, is_reached: bool = False) -> None:
        super().__init__(reason)
        self.is_reached = is_reached


class Channel(Protocol):
    """One way to reach people.

    `send` returns once the other side took the message over, and raises `Retry`,
    `Unreachable`, `Refused` or `Unwanted` otherwise; any other exception counts as
    `Retry`. It must set time limits of its own and is called outside of any transaction.
    The reasons are shown to staff: they must quote neither recipient nor body.
    """

    def send(self, message: Message) -> None: ...

    def masked(self, recipient: str) -> str:
        """The recipient as staff may read it."""
        ...


# Whether a message about this subject is still wanted.
Guard = Callable[[uuid.UUID | None], bool]

_channels: dict[str, Channel] = {}
# How many deliveries of a channel one worker sends at a time, unless said.
SENDERS = 2
_senders: dict[str, int] = {}
_guards: dict[str, Guard] = {}


@dataclass(frozen=True)
class Job:
    """Something for the worker to do every so often."""

    name: str
    every: dt.timedelta
    run: Callable[[], object]


_jobs: dict[str, Job] = {}


def register_channel(name: str, channel: Channel, *, senders: int = SENDERS) -> None:
    """Make a channel known under the name that deliveries carry.

    `senders` is how many threads of one worker send over it at a time, with a connection to the
    database each: `send` must bear that.
    """
    if name in _channels:
        raise ValueError(f"there is a channel {name} already")
    _channels[name] = channel
    _senders[name] = senders


def register_guard(kind: str, guard: Guard) -> None:
    """Have `guard` asked, with the delivery's `subject_id`, right before each attempt to
    send a message of this kind; where it says no, the message is dropped."""
    if kind in _guards:
        raise ValueError(f"{kind} has a guard already")
    _guards[kind] = guard


def channel(name: str) -> Channel:
    """Raises `LookupError` for a name that nobody registered."""
    try:
        return _channels[name]
    except KeyError:
        raise LookupError(f"there is no channel {name}") from None


def channel_names() -> list[str]:
    return list(_channels)


def senders(name: str) -> int:
    return _senders.get(name, SENDERS)


def is_wanted(kind: str, subject_id: uuid.UUID | None) -> bool:
    guard = _guards.get(kind)
    return guard is None or guard(subject_id)


def register_job(name: str, *, every: dt.timedelta, run: Callable[[], object]) -> None:
    """Have the worker call `run`, for the first time soon after it starts.

    `name` is `<app>.<what it does>`. A job is idempotent and looks for its work itself;
    it is called outside of any transaction and holds other jobs up while it runs.
    """
    if name in _jobs:
        raise ValueError(f"there is a job {name} already")
    _jobs[name] = Job(name, every, run)


def job(name: str) -> Job:
    return _jobs[name]


def job_names() -> list[str]:
    return list(_jobs)
