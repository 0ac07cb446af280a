"""Simulated phones in this very process, over real connections."""

import io
import json
import queue
import threading

from medimic.simulator import command
from medimic.simulator.connection import Connection
from medimic.simulator.keychain import Keychain
from medimic.simulator.phone import Phone as SimulatedPhone
from tests.cast import PASSWORD


class Phone:
    """The command in this very process, over a real connection."""

    def __init__(self, server, state):
        self.server = server
        self.state = state

    def attempt(self, *arguments, err=None):
        out, err = io.StringIO(), err or io.StringIO()
        code = command.main(
            ["--server", self.server, "--state", str(self.state), *arguments], out=out, err=err
        )
        answer = json.loads(out.getvalue()) if out.getvalue() else None
        return code, answer, err.getvalue()

    def run(self, *arguments):
        code, answer, told = self.attempt(*arguments)
        assert code == 0, told
        return answer

    def refused(self, *arguments):
        """The problem document; the last of what it told."""
        code, answer, told = self.attempt(*arguments)
        assert (code, answer) == (1, None), told
        return json.loads(told.splitlines()[-1])

    def sign_in(self, person):
        keychain = Keychain.open(self.state)
        keychain.facts = dict(command.DEFAULTS)
        with Connection(self.server, "MediMic/3.2.0") as connection:
            SimulatedPhone(keychain, connection).sign_in(person.email, lambda what: PASSWORD)
        return self

    def kept(self):
        return json.loads(self.state.read_text())

    def keep(self, **changes):
        self.state.write_text(json.dumps({**self.kept(), **changes}))

    def joining(self, *arguments):
        return Waiting(self, ["join", *arguments], "participant_id")

    def asking(self, *arguments):
        return Waiting(self, ["request-keys", *arguments], "request_id")


class Told(io.StringIO):
    """What a phone shows, line by line, while it waits."""

    def __init__(self):
        super().__init__()
        self.lines = queue.Queue()

    def write(self, text):
        if text.strip():
            self.lines.put(json.loads(text))
        return super().write(text)


class Waiting:
    """A phone at work that waits for another; what it shows can be read meanwhile."""

    def __init__(self, phone, arguments, asked):
        self.told = Told()
        self.outcome = None
        self.thread = threading.Thread(target=self._run, args=(phone, arguments), daemon=True)
        self.thread.start()
        # The participant or the request.
        self.subject = self.told.lines.get(timeout=30)[asked]

    def _run(self, phone, arguments):
        self.outcome = phone.attempt(*arguments, err=self.told)

    def digits(self):
        return self.told.lines.get(timeout=30)["digits"]

    def done(self):
        self.thread.join(30)
        code, answer, told = self.outcome
        assert code == 0, told
        return answer

    def failed(self):
        self.thread.join(30)
        code, answer, told = self.outcome
        assert (code, answer) == (1, None)
        return json.loads(told.splitlines()[-1])
