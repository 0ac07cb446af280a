"""Exports that an outsider can verify: rows with their way up to a signed root.

One JSON object a line, as `docs/audit.md` describes them and `docs/verify_audit.py` reads them. The
export is in the log itself, and its own row comes last: that shows that no end was cut off.
"""

import json
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from medimic.audit import leaves, statements, tree
from medimic.audit.models import ActorKind, AuditEvent, Checkpoint, Prune

PERSON, ORGANIZATION, LOG = "person", "organization", "log"
# Of an act of support's, who and from where stays with the portal, but for staff themselves.
SHOWN = {
    PERSON: ("event", "origin", "person"),
    ORGANIZATION: ("event", "origin", "organization"),
    LOG: tuple(leaves.PARTS),
}


def lines(events: Iterable[AuditEvent], *, scope: str, subject: object = None) -> Iterator[str]:
    """What verifies the checkpoints, then rows with each checkpoint before the first row that needs it."""
    for takeover in Checkpoint.objects.exclude(succeeds="").order_by("batch").defer("leaves"):
        yield _line("takeover", _signed(takeover))
    for prune in Prune.objects.order_by("batch"):
        yield _line("prune", _signed(prune))
    batches = Batches()
    told: set[int] = set()
    for event in events:
        batch = batches.of(event)
        if batch.checkpoint.batch not in told:
            told.add(batch.checkpoint.batch)
            yield _line("checkpoint", _signed(batch.checkpoint))
        yield _line("row", {"parts": _parts(event, scope, subject), "proof": batch.proof(event)})


def _parts(event: AuditEvent, scope: str, subject: object) -> list[Any]:
    shown = set(SHOWN[scope])
    if scope != LOG and event.actor_kind == ActorKind.STAFF:
        shown.discard("origin")
    if scope == PERSON and event.person_id != subject:
        # An act of theirs in somebody else's log: its number there is not theirs to know.
        shown.discard("person")
    return [
        part if name in shown else leaves.digest(part).hex() for name, part in leaves.parts(event).items()
    ]


class Batch:
    """One sealed batch, and the tree over it."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        blob = bytes(checkpoint.leaves)
        self.checkpoint = checkpoint
        self.levels = tree.levels([blob[at : at + 32] for at in range(0, len(blob), 32)])
        self.first = checkpoint.count - len(self.levels[0]) + 1

    def proof(self, event: AuditEvent) -> list[str]:
        """Each step with the side from which its hash joins: `L…` or `R…`."""
        index, steps = (event.position or 0) - self.first, []
        for level in self.levels[:-1]:
            beside = index ^ 1
            if beside < len(level):
                steps.append(("L" if beside < index else "R") + level[beside].hex())
            index //= 2
        return steps


class Batches:
    """The batches that an export meets; rows come nearly in their order."""

    def __init__(self) -> None:
        self._of = lru_cache(maxsize=8)(self._load)

    def of(self, event: AuditEvent) -> Batch:
        return self._of(event.batch or 0)

    def _load(self, batch: int) -> Batch:
        return Batch(Checkpoint.objects.get(batch=batch))


def _signed(made: Checkpoint | Prune) -> dict[str, Any]:
    signed: dict[str, Any] = json.loads(statements.line(made))
    return signed


def _line(kind: str, content: dict[str, Any]) -> str:
    return json.dumps({"type": kind, **content}, separators=(",", ":")) + "\n"
