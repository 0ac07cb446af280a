"""What a phone keeps in its keychain: here a file that its owner alone can read."""

import fcntl
import json
import os
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from joserfc.jwk import ECKey

from medimic.simulator.errors import failure

OWNER_ALONE = 0o600
# How long a command waits for another one of the same device.
PATIENCE = 15.0


def new_key() -> dict[str, Any]:
    """A P-256 key pair as a JWK."""
    return dict(ECKey.generate_key("P-256", private=True).as_dict(private=True))


@contextmanager
def held(path: Path) -> Iterator[None]:
    """One command of a device at a time: two would write over each other's sequence numbers."""
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + PATIENCE
    lock = path.with_name(f".{path.name}.lock")
    with lock.open("a") as file:
        lock.chmod(OWNER_ALONE)
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise failure("state_in_use", f"Another command is using {path}.") from None
                time.sleep(0.05)
            else:
                break
        yield


@dataclass
class Keychain:
    """Identity, keys and tokens of one device. `device_id` and the keys survive everything but
    the file itself; `proof_key` is the one that tokens are bound to. By a session's id `sessions`
    holds its token, `parts` who this device is in it, `envelopes` its key, wrapped. No session's key
    is kept in the clear. `joins` and `answers` are handshakes (`Handshakes`), `counters` and `unsent`
    what was written (`Outbox`); `cursor` and `questionnaires` what the last sync brought."""

    path: Path
    device_id: str
    private_key: dict[str, Any]
    facts: dict[str, str] = field(default_factory=dict)
    server: str = ""
    proof_key: dict[str, Any] = field(default_factory=new_key)
    token_type: str = ""
    access_token: str = ""
    refresh_token: str = ""
    sessions: dict[str, str] = field(default_factory=dict)
    parts: dict[str, dict[str, Any]] = field(default_factory=dict)
    envelopes: dict[str, dict[str, Any]] = field(default_factory=dict)
    joins: list[dict[str, Any]] = field(default_factory=list)
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    counters: dict[str, dict[str, Any]] = field(default_factory=dict)
    unsent: list[dict[str, Any]] = field(default_factory=list)
    cursor: str = ""
    questionnaires: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def open(cls, path: Path) -> Self:
        """The device of that file; a new one, where there is no file."""
        try:
            content = json.loads(path.read_text())
        except FileNotFoundError:
            return cls(path, str(uuid.uuid4()), new_key())
        except (OSError, ValueError) as error:
            raise failure("state_unreadable", f"{path} cannot be read: {error}.") from error
        try:
            return cls(path=path, **content)
        except TypeError:
            raise failure("state_unreadable", f"{path} does not hold the state of a device.") from None

    @property
    def public_key(self) -> dict[str, Any]:
        """The half that the portal gets."""
        return {name: self.private_key[name] for name in ("kty", "crv", "x", "y")}

    def save(self) -> None:
        """Whole or not at all: a new file takes the old one's place."""
        content = asdict(self)
        del content["path"]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # mkstemp opens with 0600, before a secret is in it.
        descriptor, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
        try:
            with os.fdopen(descriptor, "w") as file:
                json.dump(content, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(OWNER_ALONE)
            Path(name).replace(self.path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def forget_tokens(self) -> None:
        """After a sign-out: the identity and the keys stay, as in a phone's keychain. Without envelopes,
        which the portal gives to their account alone, they open nothing for whoever signs in next."""
        self.token_type = self.access_token = self.refresh_token = ""
        self.sessions, self.envelopes = {}, {}
        self.save()
