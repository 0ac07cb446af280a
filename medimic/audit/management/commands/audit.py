"""`manage.py audit`: verify the audit log, prune what is too old, restore its journal, show its key."""

import datetime as dt
import itertools
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_date

from medimic.audit import journal, pruning, sealer, statements
from medimic.audit.log import SYSTEM, record
from medimic.audit.verifying import Findings, problems


class Command(BaseCommand):
    help = "Verify the audit log, prune what is older than six years, restore its journal, show its key."

    def add_arguments(self, parser: CommandParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        verify = acts.add_parser("verify", help="go through the whole log; ends with 1 where it was changed")
        verify.add_argument("--all", action="store_true", help="name all that is wrong, not the first alone")
        verify.add_argument("--journal", type=Path, help="a copy of the journal that was kept elsewhere")
        prune = acts.add_parser("prune", help="delete whole batches of rows that are older than six years")
        prune.add_argument("--before", help="a day, YYYY-MM-DD: only what is older than that")
        prune.add_argument("--dry-run", action="store_true", help="say what would go")
        acts.add_parser("journal", help="write into the journal the checkpoints that it lacks at its end")
        acts.add_parser("key", help="show the public key")
        acts.add_parser("seal", help="seal what waits, once; the worker does so all the time")

    def handle(self, *args: Any, act: str, **options: Any) -> None:
        getattr(self, act)(**options)

    def verify(self, *, all: bool = False, journal: Path | None = None, **options: Any) -> None:
        if journal and not journal.exists():
            raise CommandError(f"There is no file {journal}.")
        found = Findings()
        wrong = 0
        for problem in itertools.islice(problems(found, copy=journal), None if all else 1):
            wrong += 1
            self.stderr.write(problem)
        if wrong:
            raise CommandError(f"The audit log does not verify: {problem}.")
        last = found.last
        end = f", up to checkpoint {last.batch} of {last.made_at:%Y-%m-%d %H:%M:%S}" if last else ""
        self.stdout.write(f"{found.rows} sealed rows verify{end}.")
        if found.pruned:
            self.stdout.write(f"The first {found.pruned} were pruned.")
        self.stdout.write(f"{found.unsealed} rows are not sealed yet; their codes fit.")

    def prune(self, *, before: str | None = None, dry_run: bool = False, **options: Any) -> None:
        try:
            planned = pruning.plan(_instant(before))
        except pruning.TooYoung:
            raise CommandError("Rows are kept for six years.") from None
        if dry_run:
            self.stdout.write(f"{planned.rows} rows would go.")
            return
        self.stdout.write(f"{pruning.prune(planned)} rows deleted; their checkpoints stay.")

    def journal(self, **options: Any) -> None:
        try:
            first, last = journal.restore()
        except journal.Differs as difference:
            raise CommandError(
                f"The journal was not touched: {difference}. Find out why (audit verify), and keep it; "
                "moved elsewhere, it makes room for a new one."
            ) from None
        if not first:
            self.stdout.write("The journal lacks nothing.")
            return
        with transaction.atomic():
            record("audit.journal_restored", origin=SYSTEM, details={"first": first, "last": last})
        self.stdout.write(f"Checkpoints {first} to {last} were written into the journal.")

    def key(self, **options: Any) -> None:
        for place, key in enumerate(statements.public_keys()):
            self.stdout.write(f"{key}  {'kept to take over from' if place else 'signs'}")

    def seal(self, **options: Any) -> None:
        try:
            self.stdout.write(f"{sealer.seal()} rows sealed.")
        except journal.Differs as difference:
            raise CommandError(f"The journal and the database do not go together: {difference}.") from None


def _instant(day: str | None) -> dt.datetime | None:
    if day is None:
        return None
    try:
        parsed = parse_date(day)
    except ValueError:
        parsed = None
    if parsed is None:
        raise CommandError("--before must be a day, such as 2020-12-31.")
    return dt.datetime.combine(parsed, dt.time.min, timezone.get_default_timezone())
