"""What a reader can tell of a transcript that came from a server which it does not trust.

The same rules as `openRow` and `checkTranscript` in static/js/e2e/crypto.js.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from medimic.simulator.encryption import Refused, decrypt_segment

CHANGED, REPEATED, MISSING, ORDER, END = "changed", "repeated", "missing", "order", "end"
WARNINGS = {
    CHANGED: "This part was changed or does not belong here.",
    REPEATED: "This part was sent twice.",
    MISSING: "Parts are missing here.",
    ORDER: "These parts are not in the order in which they were written.",
    END: "The end of this transcript could not be confirmed.",
}


@dataclass
class Part:
    """One segment as the server gave it; `content` is None where it could not be opened."""

    participant: str
    sequence: int
    nonce: str
    position: int
    is_late: bool
    content: dict[str, Any] | None
    # What is wrong with this part itself, and what is to be said before it.
    problem: str | None = None
    before: list[str] = field(default_factory=list)


@dataclass
class Transcript:
    parts: list[Part]
    # Each kind once, in the order of `WARNINGS`.
    warnings: list[str]


def open_row(session_key: bytes, session: str, row: Mapping[str, Any]) -> Part:
    """A row of the server's answer, decrypted if it is what it says."""
    place = (str(row["participant_id"]).lower(), row["sequence"])
    try:
        content = decrypt_segment(session_key, session, *place, row["nonce"], row["ciphertext"])
    except Refused:
        content = None
    return Part(*place, row["nonce"], row["position"], bool(row["is_late"]), content)


def check_transcript(
    parts: Iterable[Part], *, host: str | None, is_over: bool, known: Mapping[str, int] | None = None
) -> Transcript:
    """Say what is repeated, missing, out of order or cut off.

    `host` is the host's participant, None where this device was not there; `known` the highest
    sequence per participant that this device itself delivered.
    """
    parts = sorted(parts, key=lambda part: part.position)
    sound = _sound(parts)
    there: dict[str, set[int]] = {}
    for part in sound:
        there.setdefault(part.participant, set()).add(part.sequence)
    highest: dict[str, int] = {}
    for part in sound:
        part.before = _before(part, highest, there)
        highest[part.participant] = max(part.sequence, highest.get(part.participant, 0))
    found = {part.problem for part in parts} | {word for part in parts for word in part.before}
    if any(highest.get(name.lower(), 0) < number for name, number in (known or {}).items()):
        found.add(MISSING)
    if is_over and not _is_ended(sound, host, there):
        found.add(END)
    return Transcript(parts, [word for word in WARNINGS if word in found])


def _sound(parts: list[Part]) -> list[Part]:
    """Those that opened, each place and each nonce once; the others get their problem."""
    sound = []
    places: set[tuple[str, int]] = set()
    nonces: set[str] = set()
    for part in parts:
        place = (part.participant, part.sequence)
        part.problem, part.before = None, []
        if part.content is None:
            part.problem = CHANGED
        elif place in places or part.nonce in nonces:
            part.problem = REPEATED
        else:
            sound.append(part)
            places.add(place)
            nonces.add(part.nonce)
    return sound


def _before(part: Part, highest: dict[str, int], there: dict[str, set[int]]) -> list[str]:
    """What is to be said before a part, from what stands before it and what its writer had seen."""
    wanted = {(part.participant, part.sequence - 1)}
    wanted |= {
        (name.lower(), number) for name, number in _seen(part).items() if name.lower() != part.participant
    }
    absent = [(name, number) for name, number in wanted if number > highest.get(name, 0)]
    words = set()
    for name, number in absent:
        words.add(ORDER if number in there.get(name, ()) else MISSING)
    if part.sequence < highest.get(part.participant, 0):
        words.add(ORDER)
    return [word for word in WARNINGS if word in words]


def _is_ended(sound: list[Part], host: str | None, there: dict[str, set[int]]) -> bool:
    """Whether the host's last part says that this is the end, and all that the host had read is here."""
    writers = [host.lower()] if host else [part.participant for part in sound if _is_end(part)]
    last = [
        part
        for part in sound
        if part.participant in writers and part.sequence == max(there[part.participant])
    ]
    return any(
        _is_end(part)
        and all(number <= max(there.get(name.lower(), ()), default=0) for name, number in _seen(part).items())
        for part in last
    )


def _is_end(part: Part) -> bool:
    return part.content is not None and part.content["type"] == "end"


def _seen(part: Part) -> dict[str, int]:
    return part.content["seen"] if part.content else {}
