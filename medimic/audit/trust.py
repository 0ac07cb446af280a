"""Which public keys vouch for what: those of the settings, and those that they took over from."""

from dataclasses import dataclass

from medimic.audit import statements
from medimic.audit.models import Checkpoint, Prune

NO_END = 2**63


@dataclass(frozen=True)
class Trust:
    """The last batch that each key may sign; a key that another took over from signs no more."""

    until: dict[str, int]

    @classmethod
    def of_settings(cls) -> "Trust":
        current, *others = statements.public_keys()
        until = dict.fromkeys([current, *others], NO_END)
        ended = {current}
        for takeover in Checkpoint.objects.exclude(succeeds="").order_by("-batch").defer("leaves"):
            is_known = takeover.batch <= until.get(takeover.key, -1)
            if is_known and takeover.succeeds not in ended and statements.is_signed(takeover):
                until[takeover.succeeds] = takeover.batch - 1
                ended.add(takeover.succeeds)
        return cls(until)

    def has(self, made: Checkpoint | Prune) -> bool:
        return made.batch <= self.until.get(made.key, -1)
