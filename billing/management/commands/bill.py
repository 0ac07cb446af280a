"""`manage.py bill`: what the worker does for billing now and then, at once."""

import datetime as dt
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from billing import past_due, renewals


class Command(BaseCommand):
    help = "Renew subscriptions that pay by invoice, and remind whoever is past due. Harmless when run again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--at",
            type=dt.datetime.fromisoformat,
            help="as if it were then, such as 2027-01-31T12:00+00:00; never in production",
        )

    def handle(self, *args: Any, at: dt.datetime | None = None, **options: Any) -> None:
        if at is not None and settings.PRODUCTION:
            raise CommandError("The clock is not turned in production: invoices of a later day would go out.")
        if at is not None and timezone.is_naive(at):
            at = at.replace(tzinfo=dt.UTC)
        periods = renewals.run(at)
        past_due.run(at)
        self.stdout.write(f"{periods} periods renewed or ended.")
