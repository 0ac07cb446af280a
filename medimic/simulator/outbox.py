"""What was said on this device and has not arrived yet: encrypted, with its sequence number."""

from typing import Any

from medimic.simulator import encryption
from medimic.simulator.errors import failure
from medimic.simulator.keychain import Keychain

MOST_IN_A_CALL = 50


class Outbox:
    """That of one session. A number and its segment are on the disk together, before anything is sent."""

    def __init__(self, keychain: Keychain, session: str) -> None:
        self.keychain = keychain
        self.session = session

    def write(self, key: bytes, participant: str, content: dict[str, Any], up_to: int) -> dict[str, Any]:
        """Encrypt the participant's next segment and keep it; the row to send."""
        counter = self._counter(participant)
        if counter["is_closed"]:
            raise failure("session_ending", "The end was written; nothing follows it.")
        sequence = counter["used"] + 1
        if sequence > up_to:
            raise failure("outbox_full", "Too much waits to be sent.", waiting=len(self.rows()))
        try:
            sealed = encryption.encrypt_segment(key, self.session, participant, sequence, content)
        except encryption.TooLong:
            raise failure("text_too_long", "That is more than one segment holds.") from None
        row = {"participant_id": participant, "sequence": sequence, **sealed}
        counter["used"] = sequence
        counter["is_closed"] = content["type"] == "end"
        self.keychain.unsent.append({"session": self.session, "row": row})
        self.keychain.save()
        return row

    def is_closed(self, participant: str) -> bool:
        return bool(self._counter(participant)["is_closed"])

    def rows(self) -> list[dict[str, Any]]:
        """What waits, in the order of writing."""
        return [item["row"] for item in self.keychain.unsent if item["session"] == self.session]

    def delivered(self, rows: list[dict[str, Any]]) -> None:
        self.keychain.unsent = [item for item in self.keychain.unsent if item["row"] not in rows]
        for row in rows:
            counter = self._counter(row["participant_id"])
            counter["delivered"] = max(counter["delivered"], row["sequence"])
        self.keychain.save()

    def known(self) -> dict[str, int]:
        """The highest sequence of each participant that the portal took from here."""
        return {name: counter["delivered"] for name, counter in self._own().items()}

    def used(self) -> dict[str, int]:
        return {name: counter["used"] for name, counter in self._own().items()}

    def go_above(self, participant: str, sequence: int) -> None:
        """Count on from what the transcript holds of this participant; segments that opened alone."""
        counter = self._counter(participant)
        if counter["used"] < sequence:
            counter["used"] = sequence
            self.keychain.save()

    def renumber(self, key: bytes, participant: str, above: int) -> None:
        """Give what waits of this participant numbers above those that are taken: same words, same order."""
        counter = self._counter(participant)
        for item in self.keychain.unsent:
            row = item["row"]
            if (item["session"], row["participant_id"]) != (self.session, participant):
                continue
            place = (key, self.session, participant)
            content = encryption.decrypt_segment(*place, row["sequence"], row["nonce"], row["ciphertext"])
            above += 1
            sealed = encryption.encrypt_segment(*place, above, content)
            item["row"] = {"participant_id": participant, "sequence": above, **sealed}
        counter["used"] = above
        self.keychain.save()

    def _own(self) -> dict[str, dict[str, Any]]:
        prefix = f"{self.session}/"
        return {
            name.removeprefix(prefix): counter
            for name, counter in self.keychain.counters.items()
            if name.startswith(prefix)
        }

    def _counter(self, participant: str) -> dict[str, Any]:
        return self.keychain.counters.setdefault(
            f"{self.session}/{participant}", {"used": 0, "delivered": 0, "is_closed": False}
        )
