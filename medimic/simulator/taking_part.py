"""One session as a device takes part in it: who it is there, its token, and the session's key."""

from typing import Any

from medimic.simulator import encryption
from medimic.simulator.errors import Failure, failure
from medimic.simulator.handshakes import Handshakes
from medimic.simulator.phone import Phone, named

ENCRYPTED = "[Encrypted — key not available on this device]"
OVER = ("token_ended", "token_expired", "token_unknown", "not_taking_part")


class TakingPart:
    def __init__(self, phone: Phone, session: str) -> None:
        self.phone = phone
        self.keychain = phone.keychain
        self.session = named(session)
        self.handshakes = Handshakes(self.keychain)

    def participants(self) -> dict[str, Any]:
        """Who takes part, as the portal says."""
        state = self.ask("GET", f"{self.path}/participants")
        self.remember(state)
        return state

    def make_key(self) -> None:
        """The host's device makes the session's key, and keeps it in its own envelope alone."""
        key = encryption.new_session_key()
        own = self.keychain.private_key
        wrapped = encryption.wrap(key, self.session, own, self.keychain.public_key)
        body = {"public_key": self.keychain.public_key, "wrapped": wrapped}
        envelope = self.ask("PUT", f"{self.path}/envelope", body)
        self._keep_envelope({**envelope, "wrapped": wrapped, "sender_key": self.keychain.public_key})

    def key(self) -> bytes | None:
        """The session's key, if this device has an envelope from somebody whom it has verified."""
        kept = self.keychain.envelopes.get(self.session)
        envelope = kept or self._fetched_envelope()
        if envelope is None:
            return None
        key = self.handshakes.opened(self.session, envelope)
        if kept is None:
            self._keep_envelope(envelope)
        return key

    def _fetched_envelope(self) -> dict[str, Any] | None:
        mark = encryption.thumbprint(self.keychain.public_key)
        try:
            return self.ask("GET", f"{self.path}/envelope?thumbprint={mark}")
        except Failure as refusal:
            if refusal.document.get("code") != "envelope_missing":
                raise
            return None

    def _keep_envelope(self, envelope: dict[str, Any]) -> None:
        self.keychain.envelopes[self.session] = {name: envelope[name] for name in ("wrapped", "sender_key")}
        self.keychain.save()

    def needed_key(self) -> bytes:
        key = self.key()
        if key is None and self.part.get("is_host"):
            # The call that was to keep it did not get through when the session began.
            self.make_key()
            key = self.key()
        if key is None:
            raise failure("key_missing_here", ENCRYPTED)
        return key

    @property
    def path(self) -> str:
        return f"/api/sessions/{self.session}"

    @property
    def part(self) -> dict[str, Any]:
        return self.keychain.parts.setdefault(self.session, {"participant_id": None, "host_id": None})

    def remember(self, state: dict[str, Any]) -> None:
        """Who is who, for when the portal cannot be asked."""
        own = [one for one in state.get("participants", []) if one["is_you"]]
        if not own:
            return
        part = self.part
        host = next(one for one in state["participants"] if one["is_host"])
        me = next(
            (one for one in own if one["id"] == part["participant_id"]),
            next((one for one in own if one["is_host"]), own[0]),
        )
        part |= {
            "participant_id": me["id"],
            "host_id": host["id"],
            "is_host": me["is_host"],
            "name": me["name"],
            "role": me["role"],
            "speakers": [
                {name: one[name] for name in ("id", "name", "role")} for one in own if one["id"] != me["id"]
            ],
            "reserved": {one["id"]: one["reserved_up_to"] for one in own},
        }
        self.keychain.save()

    def session_token(self) -> tuple[str, Any]:
        token = self.keychain.sessions.get(self.session, "")
        if not token:
            raise failure("not_taking_part", "This device takes no part in that session.")
        return token, self.phone.prover(bool(self.part.get("is_bound")))

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """A call with the session's token; once that has ended, with the device's own where there is one."""
        try:
            token, prover = self.session_token()
            return self.phone.connection.call(method, path, body, token=token, prover=prover)
        except Failure as refusal:
            if refusal.document.get("code") not in OVER or not self.keychain.access_token:
                raise
        return self.phone.call(method, path, body)
