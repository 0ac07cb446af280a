"""The journal of checkpoints: a file outside of the database, to which the sealer alone appends.

The database commits first. A process killed in between leaves the journal one line behind, which
the next seal adds; whatever else differs stops the sealer until somebody has looked.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from medimic.audit import statements
from medimic.audit.models import Checkpoint, Prune

# Enough for the last checkpoint, and many prunes behind it.
TAIL = 64 * 1024


class Differs(Exception):
    """The journal does not end where the database does."""


class Journal:
    """The open file, which no other process writes to meanwhile."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def append(self, made: Checkpoint | Prune) -> None:
        """It is on the disk when this returns."""
        text = f"{statements.line(made)}\n".encode()
        written = 0
        while written < len(text):
            written += os.write(self.descriptor, text[written:])
        os.fsync(self.descriptor)

    def follow(self, last: Checkpoint | None) -> None:
        """Add the database's last checkpoint, if that alone is missing; raises `Differs` otherwise."""
        ends_with = self._last_checkpoint()
        if ends_with == (statements.line(last) if last else None):
            return
        if last is None:
            raise Differs("it holds checkpoints, and the database none")
        found = (statements.read(ends_with) or {}).get("batch") if ends_with else 0
        if found == last.batch - 1 and self._before(last) == ends_with:
            self.append(last)
            return
        raise Differs(f"it ends with checkpoint {found}, and the database with {last.batch}")

    def _before(self, last: Checkpoint) -> str | None:
        before = Checkpoint.objects.filter(batch=last.batch - 1).first()
        return statements.line(before) if before else None

    def _last_checkpoint(self) -> str | None:
        size = os.fstat(self.descriptor).st_size
        tail = os.pread(self.descriptor, TAIL, max(size - TAIL, 0))
        whole, _newline, rest = tail.rpartition(b"\n")
        if rest:
            # A line whose writing was cut short; what it was to say is in the database.
            os.ftruncate(self.descriptor, size - len(rest))
        for text in reversed(whole.decode(errors="replace").split("\n")):
            if text and (statements.read(text) or {}).get("what") != "prune":
                return text
        return None


def path() -> Path:
    return Path(settings.AUDIT_JOURNAL)


@contextmanager
def opened(*, seconds: float = 0) -> Iterator[Journal | None]:
    """The journal, locked; None where another process has it for longer than that."""
    is_new = not path().exists()
    path().parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path(), os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        if is_new:
            _sync_directory()
        yield Journal(descriptor) if _locked(descriptor, time.monotonic() + seconds) else None
    finally:
        # Closing it ends the lock.
        os.close(descriptor)


def _locked(descriptor: int, deadline: float) -> bool:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.05)
        else:
            return True


def _sync_directory() -> None:
    """A new file's name is on the disk only once its directory is."""
    directory = os.open(path().parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def lines(file: Path | None = None) -> Iterator[str]:
    """All lines of the journal, or of a copy; none without a file."""
    file = file or path()
    if not file.exists():
        return
    with file.open(encoding="utf-8", errors="replace") as content:
        for text in content:
            yield text.rstrip("\n")


def restore() -> tuple[int, int]:
    """Write into the journal what the database knows and the journal lacks at its end; the first and the
    last checkpoint of that, or zeros. Raises `Differs` where the journal says anything else."""
    with opened(seconds=30) as journal:
        if journal is None:
            raise Differs("another process holds it")
        known = iter([text for text in lines() if not _is_prune(text)])
        added: list[int] = []
        for checkpoint in Checkpoint.objects.order_by("batch").defer("leaves").iterator():
            text = next(known, None)
            if text is None:
                journal.append(checkpoint)
                added.append(checkpoint.batch)
            elif text != statements.line(checkpoint):
                raise Differs(f"it does not hold checkpoint {checkpoint.batch} as the database does")
        if next(known, None) is not None:
            raise Differs("it holds checkpoints that the database lacks")
        present = set(lines())
        for prune in Prune.objects.order_by("batch"):
            if statements.line(prune) not in present:
                journal.append(prune)
    return (added[0], added[-1]) if added else (0, 0)


def _is_prune(text: str) -> bool:
    return (statements.read(text) or {}).get("what") == "prune"
