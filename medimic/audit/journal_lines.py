"""The journal's lines beside the database's checkpoints."""

from collections.abc import Iterator

from medimic.audit import statements
from medimic.audit.models import Checkpoint, Prune


class Lines:
    """Read once, from the beginning to the end, along with the checkpoints."""

    def __init__(self, lines: Iterator[str], *, may_end_early: bool) -> None:
        self._lines = enumerate(lines, start=1)
        self._may_end_early = may_end_early
        self._prunes: set[str] = set()
        self._next: tuple[int, str, int] | None = None
        self._bad: list[str] = []
        self._advance()

    def compare(self, checkpoint: Checkpoint) -> Iterator[str]:
        """What is wrong up to this checkpoint's line."""
        yield from self._said()
        while self._next and self._next[2] < checkpoint.batch:
            number, _text, batch = self._next
            yield f"line {number} of the journal holds checkpoint {batch} out of its order"
            self._advance()
            yield from self._said()
        if self._next is None or self._next[2] > checkpoint.batch:
            if self._next or not self._may_end_early:
                yield f"checkpoint {checkpoint.batch} is not in the journal"
            return
        number, text, _batch = self._next
        if text != statements.line(checkpoint):
            yield (
                f"checkpoint {checkpoint.batch} is not the one that line {number} of the journal holds: "
                "one of them was rewritten"
            )
        self._advance()

    def rest(self, last: Checkpoint | None) -> Iterator[str]:
        """Checkpoints that the journal knows and the database does not: its end was cut off."""
        yield from self._said()
        while self._next:
            number, text, batch = self._next
            made = Checkpoint.objects.filter(batch=batch).first()
            if made is None or statements.line(made) != text:
                yield f"checkpoint {batch}, line {number} of the journal, is missing from the database"
            self._advance()
            yield from self._said()

    def has(self, prune: Prune) -> bool:
        return self._may_end_early or statements.line(prune) in self._prunes

    def _said(self) -> Iterator[str]:
        yield from self._bad
        self._bad = []

    def _advance(self) -> None:
        """On to the next checkpoint's line."""
        self._next = None
        for number, text in self._lines:
            statement = statements.read(text)
            if statement is None:
                self._bad.append(f"line {number} of the journal cannot be read")
            elif statement.get("what") == "prune":
                self._prunes.add(text)
            else:
                self._next = (number, text, statement["batch"])
                return
