"""`manage.py reencrypt`: bring everything at rest under the first of FIELD_KEYS."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from medimic import at_rest

# Rows that somebody changed while we were at them are looked at again this often.
ROUNDS = 3


class Command(BaseCommand):
    help = (
        "Re-encrypt every field at rest, and the secrets of second factors, under the first of FIELD_KEYS. "
        "May run beside working servers, be stopped and be run again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--batch", type=int, default=at_rest.BATCH, help="rows to read at a time")

    def handle(self, *args: Any, batch: int, **options: Any) -> None:
        if batch < 1:
            raise CommandError("--batch must be 1 or more.")
        rewritten = unreadable = left = 0
        for place in at_rest.places():
            first = outcome = place.reencrypt(batch=batch)
            rewritten_here = outcome.rewritten
            for _round in range(1, ROUNDS):
                if not outcome.changed:
                    break
                outcome = place.reencrypt(batch=batch)
                rewritten_here += outcome.rewritten
            self.stdout.write(
                f"{place.name}: {rewritten_here} re-encrypted, {first.current} under the first key before"
                + (f", {outcome.changed} changed meanwhile" if outcome.changed else "")
                + (f", {outcome.unreadable} open with no key" if outcome.unreadable else "")
            )
            rewritten += rewritten_here
            unreadable += outcome.unreadable
            left += outcome.changed
        self.stdout.write(f"{rewritten} rows re-encrypted.")
        if left:
            raise CommandError(f"{left} rows were being changed. Run it again.")
        if unreadable:
            raise CommandError(
                f"{unreadable} rows open with none of FIELD_KEYS. Put the missing key back, after the others."
            )
