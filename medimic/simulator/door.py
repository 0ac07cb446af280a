"""At a session's door: the joiner's side, and the host's."""

import time
from collections.abc import Iterator
from typing import Any

from medimic.simulator import encryption
from medimic.simulator.errors import Failure, failure
from medimic.simulator.handshakes import Handshakes
from medimic.simulator.phone import Phone, named, without_secrets
from medimic.simulator.taking_part import OVER, TakingPart

INTERVAL = 0.3


def join(phone: Phone, code: str, name: str, role: str, seconds: float) -> dict[str, Any]:
    """Ask to be let in, and wait for it: with the account that is signed in, or else as a guest."""
    handshakes = Handshakes(phone.keychain)
    # An answer that was lost is asked for with the same commitment: it is the same wish.
    commitment = handshakes.unanswered(code) or handshakes.begin(code=code)
    body: dict[str, Any] = {"code": code, "name": name, "role": role, "key_commitment": commitment}
    if phone.keychain.access_token:
        is_bound = phone.is_bound()
        answer = phone.call("POST", "/api/sessions/join", body)
    else:
        is_bound = phone.binds
        body["device"] = phone.description()
        answer = phone.connection.call("POST", "/api/sessions/join", body, prover=phone.prover(is_bound))
    door = Door(phone, answer["session_id"])
    participant = named(answer["participant_id"], "participant")
    handshakes.bind(commitment, door.session, participant)
    phone.keep_part(door.session, answer["session_token"], is_bound=is_bound, participant_id=participant)
    phone.tell(without_secrets(answer))
    return door.wait_at_the_door(participant, seconds)


class Door(TakingPart):
    """Each verb returns what is to be printed."""

    def wait_at_the_door(self, participant: str, seconds: float) -> dict[str, Any]:
        """The joiner's side of the handshake, until the host has decided."""
        try:
            return self._waited(participant, seconds)
        except Failure as refusal:
            # Whoever is refused has no token any more.
            if refusal.document.get("code") not in OVER:
                raise
            raise failure("refused", "The host did not let this device in.") from refusal

    def _waited(self, participant: str, seconds: float) -> dict[str, Any]:
        digits = ""
        for state in self._watched(seconds):
            own = state.get("participant")
            if own is None:
                self.remember(state)
                self.key()
                me = next(one for one in state["participants"] if one["id"] == participant)
                told = {name: me[name] for name in ("state", "name", "role")}
                return {
                    "session_id": self.session,
                    "participant_id": participant,
                    **told,
                    "digits": digits,
                }
            if own["state"] == "refused" or state["session"]["status"] != "active":
                break
            if own["host_key"] and not digits:
                half = self.handshakes.reveal(participant, own["host_key"], own["host_nonce"])
                digits = encryption.grouped(half.pop("digits"))
                self._step(participant, {"action": "reveal", **half})
                self.phone.tell({"digits": digits})
        else:
            raise failure("not_admitted", "The host has not decided yet. Join again.")
        raise failure("refused", "The host did not let this device in.")

    def admit(self, who: str, *, role: str, digits: str, seconds: float) -> dict[str, Any]:
        """Let somebody in. With `digits`, only if they are what both screens show."""
        participant = named(who, "participant")
        is_answered = False
        for state in self._watched(seconds):
            self.remember(state)
            one = next((one for one in state["participants"] if one["id"] == participant), None)
            if one is None or one.get("commitment") is None:
                raise failure("nobody_waits", "Nobody waits at the door under that id.")
            if not is_answered:
                half = self._or_refuse(
                    participant, self.handshakes.answer, self.session, participant, one["commitment"]
                )
                self._step(participant, {"action": "answer", **half})
                is_answered = True
            if one["nonce"]:
                return self._decide(participant, one, role or one["role"], digits)
        raise failure("not_revealed", "The joiner's device does not answer.")

    def _decide(self, participant: str, one: dict[str, Any], role: str, digits: str) -> dict[str, Any]:
        shown = self._or_refuse(
            participant,
            self.handshakes.verify,
            self.session,
            participant,
            one["public_key"],
            one["nonce"],
        )
        self.phone.tell({"digits": encryption.grouped(shown)})
        if digits and digits.replace(" ", "") != shown:
            self._step(participant, {"action": "refuse"})
            raise failure("digits_differ", "The digits differ, so nobody was let in.")
        private_key = self.keychain.private_key
        wrapped = encryption.wrap(self.needed_key(), self.session, private_key, one["public_key"])
        answer = self._step(participant, {"action": "admit", "role": role, "wrapped": wrapped})
        return {
            "session_id": self.session,
            "participant_id": participant,
            "name": one["name"],
            **{name: answer[name] for name in ("state", "role")},
            "digits": encryption.grouped(shown),
        }

    def refuse(self, who: str) -> dict[str, Any]:
        """Send somebody away from the door, or out."""
        return self._step(named(who, "participant"), {"action": "refuse"})

    def _watched(self, seconds: float) -> Iterator[dict[str, Any]]:
        """The state at the door, each time that it has changed, for that long."""
        deadline = time.monotonic() + seconds
        tag = ""
        token, prover = self.session_token()
        while True:
            state, tag = self.phone.connection.changed(
                f"{self.path}/participants", tag, token=token, prover=prover
            )
            if state is not None:
                yield state
            if time.monotonic() > deadline:
                return
            time.sleep(INTERVAL)

    def _step(self, participant: str, body: dict[str, Any]) -> dict[str, Any]:
        return self.ask("PUT", f"{self.path}/participants/{participant}/admission", body)

    def _or_refuse(self, participant: str, work: Any, *arguments: Any) -> Any:
        """Whoever exchanged a key does not get in, whatever the host says."""
        try:
            return work(*arguments)
        except Failure:
            self._step(participant, {"action": "refuse"})
            raise
