"""The log taken away as a file: as CSV in words, or as JSON lines that an outsider can verify.

An export is itself in the log. With proofs, that row is sealed first, and ends the file.
"""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain

from django.db import transaction
from django.http import HttpResponseBase, StreamingHttpResponse
from django.utils import timezone, translation

from accounts.models import Person
from medimic import csv_export
from medimic.audit import proofs
from medimic.audit.models import AuditEvent
from medimic.audit.reading import OLDEST_FIRST, Parts, walk
from medimic.audit.waiting import until_sealed
from medimic.flows.audit_rows import HEADER, records

CSV, PROOFS = "csv", "jsonl"
FORMATS = (CSV, PROOFS)


@dataclass(frozen=True)
class Export:
    """Whose log it is, who reads it, and what notes in the log that it was taken, given the format."""

    scope: str
    subject: uuid.UUID | None
    name: str
    reader: Person
    note: Callable[[str], AuditEvent]


def as_csv(export: Export, parts: Parts) -> HttpResponseBase:
    """What there was when it was asked for, newest first."""
    asked_at = timezone.now()
    with transaction.atomic():
        export.note(CSV)
    events = walk([rows.filter(created_at__lt=asked_at) for rows in parts])
    # The words of a row are made while the file is sent, when the request's language is over.
    rows = _in_language(records(export.reader, events), translation.get_language())
    return csv_export.stream(HEADER, (list(row.values()) for row in rows), f"{export.name}.csv")


def with_proofs(export: Export, parts: Parts) -> HttpResponseBase | None:
    """All that was sealed before the export's own row, oldest first, and that row; None where the sealer
    does not get to it."""
    with transaction.atomic():
        noted = export.note(PROOFS)
    own = until_sealed(noted)
    if own is None:
        return None
    earlier = walk([rows.filter(position__lt=own.position) for rows in parts], order=OLDEST_FIRST)
    found = proofs.lines(chain(earlier, [own]), scope=export.scope, subject=export.subject)
    return StreamingHttpResponse(
        found,
        content_type="application/x-ndjson; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{export.name}.jsonl"'},
    )


def _in_language(rows: Iterator[dict[str, str]], language: str | None) -> Iterator[dict[str, str]]:
    while True:
        with translation.override(language):
            row = next(rows, None)
        if row is None:
            return
        yield row
