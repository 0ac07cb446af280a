"""Going through the whole log: what was changed, deleted, added or cut off, the first such thing first.

The database is believed nothing: the keys of the settings are what vouches for it, and the journal
for what it may have lost.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from django.db.models import Max

from medimic.audit import heads, journal, leaves, scopes, statements, tree
from medimic.audit.journal_lines import Lines
from medimic.audit.log import is_genuine
from medimic.audit.models import AuditEvent, Checkpoint, Head, Prune
from medimic.audit.trust import Trust

CHUNK = 2000
CHECKPOINTS = 200
LOCK_SECONDS = 30.0


@dataclass
class Findings:
    """What a walk has seen, beside what is wrong."""

    rows: int = 0
    unsealed: int = 0
    pruned: int = 0
    last: Checkpoint | None = None
    numbers: dict[str, int] = field(default_factory=dict)


def problems(found: Findings, *, copy: Path | None = None) -> Iterator[str]:
    """Each thing that is wrong, in the log's order. `copy` is a journal kept elsewhere, which may end
    earlier."""
    found.last = _last(is_live=copy is None)
    lines = Lines(journal.lines(copy), may_end_early=copy is not None)
    trust = Trust.of_settings()
    found.pruned = max((prune.count for prune in Prune.objects.all() if _is_good(prune, trust)), default=0)
    rows = _Rows()
    before: Checkpoint | None = None
    for checkpoint in _checkpoints(found.last):
        yield from _of_checkpoint(checkpoint, before, trust)
        yield from lines.compare(checkpoint)
        yield from _of_batch(checkpoint, before, rows.up_to(checkpoint.count), found)
        before = checkpoint
    yield from lines.rest(found.last)
    yield from _of_prunes(trust, lines)
    yield from _beyond(found)
    yield from _of_heads(found)
    yield from _of_unsealed(found)


def _of_checkpoint(checkpoint: Checkpoint, before: Checkpoint | None, trust: Trust) -> Iterator[str]:
    name = f"checkpoint {checkpoint.batch}"
    expected = before.batch + 1 if before else 1
    if checkpoint.batch != expected:
        yield f"checkpoint {expected} is missing from the database"
    elif checkpoint.previous != (statements.digest(before) if before else statements.NOTHING):
        yield f"{name} does not follow on the one before it"
    if not statements.is_signed(checkpoint):
        yield f"{name} was changed: its signature does not fit"
    elif not trust.has(checkpoint):
        yield f"{name} is signed with a key that AUDIT_SIGNING_KEY does not vouch for"
    if checkpoint.consent and not statements.is_signed(
        checkpoint, by=checkpoint.succeeds, signature=checkpoint.consent
    ):
        yield f"{name} was changed: the signature of the key before it does not fit"
    if checkpoint.count <= (before.count if before else 0):
        yield f"{name} holds no rows"


def _of_batch(
    checkpoint: Checkpoint, before: Checkpoint | None, rows: list[AuditEvent], found: Findings
) -> Iterator[str]:
    """The batch's rows against the hashes of its leaves, and these against the signed root."""
    first = (before.count if before else 0) + 1
    blob = bytes(checkpoint.leaves)
    hashes = [blob[at : at + 32] for at in range(0, len(blob), 32)]
    if len(blob) != 32 * (checkpoint.count - first + 1) or tree.root(hashes).hex() != checkpoint.root:
        yield f"checkpoint {checkpoint.batch} was changed: the hashes of its rows do not lead to its root"
        hashes = []
    expected = first
    for row in rows:
        position = row.position or 0
        if position < first:
            yield f"row {row.pk} at position {position} was added, or moved: no batch left place for it"
            continue
        yield from _missing(expected, position, checkpoint, found)
        expected = position + 1
        found.rows += 1
        if position - first < len(hashes) and leaves.leaf(row) != hashes[position - first]:
            what = "its place or its numbers were" if is_genuine(row) else "its content was"
            yield f"row {row.pk} at position {position}: {what} changed after it was sealed"
        yield from _of_numbers(row, found)
    yield from _missing(expected, checkpoint.count + 1, checkpoint, found)


def _missing(expected: int, position: int, checkpoint: Checkpoint, found: Findings) -> Iterator[str]:
    """What was pruned may be gone, and may be there still where a prune was stopped halfway."""
    expected = max(expected, found.pruned + 1)
    if expected < position:
        which = f"the row at position {expected} is"
        if expected + 1 < position:
            which = f"the rows at positions {expected} to {position - 1} are"
        yield f"{which} missing (batch {checkpoint.batch}, sealed at {leaves.instant(checkpoint.made_at)})"


def _of_numbers(row: AuditEvent, found: Findings) -> Iterator[str]:
    """The numbers of people's and organizations' logs, which have no gaps."""
    for kind, subject, number in (
        (scopes.PERSON, row.person_id, row.person_position),
        (scopes.ORGANIZATION, row.organization_id, row.organization_position),
    ):
        if number is None or subject is None:
            continue
        scope = scopes.name(kind, subject)
        last = found.numbers.get(scope, number - 1 if found.pruned else 0)
        if number != last + 1:
            yield f"row {row.pk} at position {row.position} is number {number} of {scope}, after {last}"
        found.numbers[scope] = number


def _of_prunes(trust: Trust, lines: Lines) -> Iterator[str]:
    for prune in Prune.objects.order_by("batch"):
        name = f"the prune up to checkpoint {prune.batch}"
        if not _is_good(prune, trust):
            yield f"{name} is not signed by the portal"
        elif not Checkpoint.objects.filter(batch=prune.batch, count=prune.count).exists():
            yield f"{name} does not end where that checkpoint does"
        if not lines.has(prune):
            yield f"{name} is not in the journal"


def _is_good(prune: Prune, trust: Trust) -> bool:
    return statements.is_signed(prune) and trust.has(prune)


def _beyond(found: Findings) -> Iterator[str]:
    """Rows with a position that no checkpoint covers; batches made meanwhile are left to the next time."""
    newest = Checkpoint.objects.aggregate(Max("count"))["count__max"] or 0
    beyond = AuditEvent.objects.filter(position__gt=newest).order_by("position")
    for row in beyond[:CHUNK]:
        yield f"row {row.pk} at position {row.position} was added: it is in no batch"
    for row in AuditEvent.objects.filter(position__lt=1).order_by("position")[:CHUNK]:
        yield f"row {row.pk} at position {row.position} was added, or moved: no batch left place for it"
    for row in AuditEvent.objects.filter(position=None, batch__isnull=False).order_by("id")[:CHUNK]:
        yield f"row {row.pk} of batch {row.batch} has lost its position"


def _of_heads(found: Findings) -> Iterator[str]:
    """A log's head against its last row: rows deleted at its end, or a head put back."""
    covered = found.last.count if found.last else 0
    later = {
        scope
        for row in AuditEvent.objects.filter(position__gt=covered).iterator()
        for scope in (scopes.of_person(row), scopes.of_organization(row))
        if scope
    }
    seen = dict(found.numbers)
    for head in Head.objects.order_by("scope").iterator():
        number = seen.pop(head.scope, None)
        if not heads.is_genuine(head):
            yield f"the head of {head.scope} was changed: its code does not fit"
        elif head.scope not in later and head.number != (number or (0 if not found.pruned else head.number)):
            yield f"the log of {head.scope} ends with number {number or 0}, and its head says {head.number}"
    for scope in sorted(seen):
        yield f"the head of {scope} is missing"


def _of_unsealed(found: Findings) -> Iterator[str]:
    waiting = AuditEvent.objects.filter(position=None, batch=None).order_by("created_at", "id")
    for row in waiting.iterator(CHUNK):
        found.unsealed += 1
        if not is_genuine(row):
            yield f"row {row.pk}, not sealed, was changed or added: its code does not fit"


def _last(*, is_live: bool) -> Checkpoint | None:
    """The last checkpoint; in the journal as well, as the sealer is not between the two."""
    newest = Checkpoint.objects.order_by("-batch")
    if not is_live or not journal.path().exists():
        return newest.first()
    with journal.opened(seconds=LOCK_SECONDS):
        return newest.first()


def _checkpoints(last: Checkpoint | None) -> Iterator[Checkpoint]:
    rows = Checkpoint.objects.order_by("batch")
    if last:
        rows = rows.filter(batch__lte=last.batch)
    while found := list(rows[:CHECKPOINTS]):
        yield from found
        rows = rows.filter(batch__gt=found[-1].batch)


class _Rows:
    """Sealed rows by position, a chunk in memory at a time."""

    def __init__(self) -> None:
        self._rows = self._read()
        self._next = next(self._rows, None)

    def up_to(self, position: int) -> list[AuditEvent]:
        found = []
        while self._next and (self._next.position or 0) <= position:
            found.append(self._next)
            self._next = next(self._rows, None)
        return found

    def _read(self) -> Iterator[AuditEvent]:
        rows = AuditEvent.objects.filter(position__gte=1).order_by("position", "id")
        while found := list(rows[:CHUNK]):
            yield from found
            rows = rows.filter(position__gt=found[-1].position)
