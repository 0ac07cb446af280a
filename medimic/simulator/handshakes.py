"""Handshakes, kept so that a server that lies gets nothing out of them.

docs/encryption.md says why each of these rules is needed; static/js/e2e/vault.js keeps to the same.
"""

import time
from typing import Any

from medimic.simulator import encryption
from medimic.simulator.encryption import Key, Refused
from medimic.simulator.errors import Failure, failure
from medimic.simulator.keychain import Keychain

# Answered in one context within a day: each gives somebody in between one chance in a million.
MOST_HANDSHAKES = 50
DAY = 24 * 60 * 60


def exchanged(detail: str) -> Failure:
    """Somebody sits in between, or the portal has lost its memory. Either way nobody is let in."""
    return failure("key_exchanged", detail)


class Handshakes:
    """Those of one device. What a rule rests on is on the disk before anything is sent."""

    def __init__(self, keychain: Keychain) -> None:
        self.keychain = keychain

    def begin(self, *, code: str = "", keys: str | None = None) -> str:
        """The commitment to send. For a key request `keys` is the session, or "all"."""
        nonce = encryption.new_nonce()
        commitment = encryption.commitment(self.keychain.public_key, nonce)
        self.keychain.joins.append(
            {
                "commitment": commitment,
                "nonce": nonce,
                "code": code,
                "keys": keys,
                "context": None,
                "subject": None,
                "peer_key": None,
                "peer_nonce": None,
                "is_confirmed": False,
            }
        )
        self.keychain.save()
        return commitment

    def unanswered(self, code: str) -> str | None:
        """The commitment of a join with that code that led to nothing yet."""
        for join in reversed(self.keychain.joins):
            if code and join["code"] == code and join["peer_key"] is None:
                return str(join["commitment"])
        return None

    def bind(self, commitment: str, context: str, subject: str) -> None:
        """Tie a commitment to the one participant or request that it is for."""
        join = next(join for join in self.keychain.joins if join["commitment"] == commitment)
        if join["subject"] is None:
            join["context"], join["subject"] = context, subject
            self.keychain.save()
        elif (join["context"], join["subject"]) != (context, subject):
            raise exchanged("The portal gave one handshake to two participants.")

    def reveal(self, subject: str, peer_key: Key, peer_nonce: str) -> dict[str, Any]:
        """Pin what the other side answered; then, and only then, what to reveal, and the digits."""
        join = self._join(subject)
        digits = _checked(
            encryption.digits,
            join["context"],
            subject,
            peer_key,
            peer_nonce,
            self.keychain.public_key,
            join["nonce"],
        )
        if join["peer_key"] is None:
            join["peer_key"], join["peer_nonce"] = peer_key, peer_nonce
            self.keychain.save()
        elif (join["peer_key"], join["peer_nonce"]) != (peer_key, peer_nonce):
            raise exchanged("The host's key was exchanged on the way.")
        return {"public_key": self.keychain.public_key, "nonce": join["nonce"], "digits": digits}

    def confirm(self, subject: str) -> None:
        """The person says that both screens show the same."""
        self._join(subject)["is_confirmed"] = True
        self.keychain.save()

    def answer(self, context: str, subject: str, commitment: str) -> dict[str, Any]:
        """Our key and nonce for a commitment; the same again for the same one."""
        answers = self.keychain.answers
        place = f"{context}/{subject}"
        if place not in answers:
            recent = [
                name
                for name, other in answers.items()
                if name.startswith(f"{context}/") and other["at"] > time.time() - DAY
            ]
            if len(recent) >= MOST_HANDSHAKES:
                raise failure("too_many_handshakes", "More devices asked to be let in than people would.")
            answers[place] = {
                "commitment": commitment,
                "nonce": encryption.new_nonce(),
                "at": int(time.time()),
            }
            self.keychain.save()
        if answers[place]["commitment"] != commitment:
            raise exchanged("This joiner's key was exchanged on the way.")
        return {"public_key": self.keychain.public_key, "nonce": answers[place]["nonce"]}

    def verify(self, context: str, subject: str, key: Key, nonce: str) -> str:
        """The digits for what the joiner revealed."""
        kept = self.keychain.answers.get(f"{context}/{subject}")
        if kept is None or not encryption.fits(kept["commitment"], key, nonce):
            raise exchanged("This joiner's key was exchanged on the way.")
        return encryption.digits(context, subject, self.keychain.public_key, kept["nonce"], key, nonce)

    def trusts(self, session: str, sender: Key) -> bool:
        """Whether an envelope of that sender is opened: ours, the host's whom this device joined, or
        that of a device which the person confirmed here."""
        mark = _checked(encryption.thumbprint, sender)
        if mark == encryption.thumbprint(self.keychain.public_key):
            return True
        pins = [join for join in self.keychain.joins if join["peer_key"] and _reaches(join, session)]
        confirmed = [join for join in pins if join["is_confirmed"]]
        # A second attempt takes the place of the first, which may have failed for that very reason.
        latest = [join for join in pins if join["keys"] is None][-1:]
        return any(encryption.thumbprint(join["peer_key"]) == mark for join in confirmed or latest)

    def opened(self, session: str, envelope: dict[str, Any]) -> bytes:
        """A session's key, out of an envelope from somebody whom this device has verified."""
        if not self.trusts(session, envelope["sender_key"]):
            raise failure("key_untrusted", "This key comes from a device that was not verified here.")
        own = self.keychain.private_key
        key: bytes = _checked(
            encryption.unwrap, envelope["wrapped"], session, own, envelope["sender_key"], code="key_untrusted"
        )
        return key

    def _join(self, subject: str) -> dict[str, Any]:
        for join in self.keychain.joins:
            if join["subject"] == subject:
                return join
        raise exchanged("This device began no such handshake.")


def _reaches(join: dict[str, Any], session: str) -> bool:
    """Whether a handshake vouches for its other side's envelopes of that session."""
    return join["context"] == session if join["keys"] is None else join["keys"] in ("all", session)


def _checked(what: Any, *arguments: Any, code: str = "answer_unreadable") -> Any:
    try:
        return what(*arguments)
    except Refused as error:
        raise failure(code, str(error)) from error
