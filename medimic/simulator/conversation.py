"""What is said and read in one session."""

import datetime as dt
import uuid
from typing import Any

from medimic.simulator import encryption
from medimic.simulator.errors import Failure
from medimic.simulator.outbox import MOST_IN_A_CALL, Outbox
from medimic.simulator.phone import Phone
from medimic.simulator.taking_part import ENCRYPTED, OVER, TakingPart
from medimic.simulator.transcripts import (
    WARNINGS,
    Part,
    Transcript,
    check_transcript,
    open_row,
)

OFFLINE = ("unreachable", "answer_lost")
# What every participant may use before anything of theirs has arrived.
RESERVED = 100


def start(phone: Phone, name: str, mode: str) -> dict[str, Any]:
    """Start a session and make its key."""
    answer = phone.start_session(name, mode)
    try:
        Conversation(phone, answer["id"]).make_key()
    except Failure as refusal:
        # The session is there all the same; its key is made with the first thing that needs it.
        phone.tell(refusal.document)
    return answer


class Conversation(TakingPart):
    """Each verb returns what is to be printed."""

    def __init__(self, phone: Phone, session: str) -> None:
        super().__init__(phone, session)
        self.outbox = Outbox(self.keychain, self.session)

    def say(self, text: str, speaker: str = "") -> dict[str, Any]:
        """Encrypt and send one segment. What does not get through stays, and goes with the next call."""
        seen: dict[str, int] = dict(self.part.get("seen", {}))
        try:
            self.participants()
            seen = self._seen(self._transcript())
        except Failure as offline:
            if offline.document.get("code") not in OFFLINE or not self.part.get("participant_id"):
                raise
        participant, name, role = self._speaker(speaker)
        content = {
            "v": encryption.VERSION,
            "type": "text",
            "text": text,
            "speaker": {"name": name, "role": role},
            "at": dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "seen": seen,
        }
        row = self._write(participant, content)
        self.deliver()
        return {"session_id": self.session, "participant_id": participant, "sequence": row["sequence"]}

    def deliver(self) -> int:
        """Send what waits, in its order; how many segments the portal took."""
        delivered = 0
        while rows := self.outbox.rows()[:MOST_IN_A_CALL]:
            try:
                answer = self.ask("POST", f"{self.path}/segments", {"segments": rows})
            except Failure as refusal:
                if refusal.document.get("code") == "sequence_taken" and self._made_way():
                    continue
                refusal.document["waiting"] = len(self.outbox.rows())
                raise
            self.outbox.delivered(rows)
            delivered += len(rows)
            self.part.setdefault("reserved", {}).update(answer["reserved_up_to"])
            self.keychain.save()
        return delivered

    def _made_way(self) -> bool:
        """Where the transcript holds other segments of ours that open, move above them. The portal's
        word alone moves nothing: it could make us say everything twice."""
        highest = self._seen(self._transcript())
        waiting = [
            row for row in self.outbox.rows() if row["sequence"] <= highest.get(row["participant_id"], 0)
        ]
        for participant in {row["participant_id"] for row in waiting}:
            self.outbox.renumber(self.needed_key(), participant, highest[participant])
        return bool(waiting)

    def _write(self, participant: str, content: dict[str, Any]) -> dict[str, Any]:
        up_to = self.part.get("reserved", {}).get(participant, RESERVED)
        return self.outbox.write(self.needed_key(), participant, content, up_to)

    def _speaker(self, name: str) -> tuple[str, str, str]:
        """Id, name and role of who speaks: this device's own, or somebody else on its screen."""
        part = self.part
        if not name:
            return part["participant_id"], part["name"], part["role"]
        for speaker in part.get("speakers", []):
            if name in (speaker["name"], speaker["id"]):
                return speaker["id"], speaker["name"], speaker["role"]
        body = {"id": str(uuid.uuid4()), "name": name, "role": "patient"}
        made = self.ask("POST", f"{self.path}/participants", body)
        part["speakers"] = [*part.get("speakers", []), made]
        self.keychain.save()
        return made["id"], made["name"], made["role"]

    def read(self) -> dict[str, Any]:
        """The transcript, and what is wrong with it."""
        if self.outbox.rows():
            self.deliver()
        session = self.ask("GET", self.path)
        key = self.key()
        if key is None:
            return {"session_id": self.session, "status": session["status"], "transcript": ENCRYPTED}
        is_over = session["status"] != "active"
        if not is_over:
            self.participants()
        transcript = self._transcript(is_over=is_over)
        return {
            "session_id": self.session,
            "status": session["status"],
            "transcript": [_line(part) for part in transcript.parts],
            "warnings": [WARNINGS[word] for word in transcript.warnings],
        }

    def end(self) -> dict[str, Any]:
        """Write the end, deliver everything, and end the session."""
        if self.part.get("is_host") or self.session in self.keychain.sessions:
            try:
                self._write_end()
            except Failure as refusal:
                # It is over already, or the key is on another device: then the end cannot be confirmed.
                if refusal.document.get("code") not in (*OVER, "key_missing_here"):
                    raise
        return self.phone.end(self.session)

    def _write_end(self) -> None:
        self.participants()
        own = self.part["participant_id"]
        if not self.part["is_host"]:
            return
        self.deliver()
        if not self.outbox.is_closed(own):
            seen = self._seen(self._transcript())
            self._write(own, {"v": encryption.VERSION, "type": "end", "seen": seen})
        self.deliver()

    def _transcript(self, *, is_over: bool = False) -> Transcript:
        key = self.needed_key()
        parts: list[Part] = []
        after = 0
        while True:
            answer = self.ask("GET", f"{self.path}/segments?after={after}")
            if not answer["segments"]:
                break
            parts += [open_row(key, self.session, row) for row in answer["segments"]]
            after = answer["next"]
        known = self.outbox.known()
        transcript = check_transcript(parts, host=self.part.get("host_id"), is_over=is_over, known=known)
        highest = self._opened(transcript)
        for participant in self._mine():
            self.outbox.go_above(participant, highest.get(participant, 0))
        return transcript

    def _opened(self, transcript: Transcript) -> dict[str, int]:
        highest: dict[str, int] = {}
        for part in transcript.parts:
            if part.problem is None:
                highest[part.participant] = max(part.sequence, highest.get(part.participant, 0))
        return highest

    def _seen(self, transcript: Transcript) -> dict[str, int]:
        """What a writer here has read so far: what opened, and what waits on this device before it."""
        seen = self._opened(transcript)
        waiting = {row["participant_id"]: row["sequence"] for row in self.outbox.rows()}
        seen |= {name: max(number, seen.get(name, 0)) for name, number in waiting.items()}
        self.part["seen"] = seen
        return seen

    def _mine(self) -> list[str]:
        own = [self.part["participant_id"]] if self.part.get("participant_id") else []
        return own + [speaker["id"] for speaker in self.part.get("speakers", [])]


def _line(part: Part) -> dict[str, Any]:
    line: dict[str, Any] = {
        "participant_id": part.participant,
        "sequence": part.sequence,
        "position": part.position,
        "is_late": part.is_late,
    }
    if part.before:
        line["before"] = [WARNINGS[word] for word in part.before]
    if part.problem is not None or part.content is None:
        return {**line, "problem": WARNINGS[part.problem or "changed"]}
    content = part.content
    if content["type"] == "end":
        return {**line, "type": "end"}
    return {
        **line,
        "type": "text",
        "speaker": content["speaker"]["name"],
        "role": content["speaker"]["role"],
        "at": content["at"],
        "text": content["text"],
    }
