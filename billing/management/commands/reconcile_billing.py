"""Compare subscriptions and invoices with Stripe's, and follow what differs."""

import datetime as dt
from argparse import SUPPRESS
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from billing.gateways import Unavailable
from billing.gateways.stripe_reconciliation import run


class Command(BaseCommand):
    help = (
        "Compare subscriptions and invoices with Stripe's, and follow what differs. Harmless when run again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        # For tests: as if it were run then.
        parser.add_argument("--at", type=dt.datetime.fromisoformat, help=SUPPRESS)

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.STRIPE_SECRET_KEY:
            self.stdout.write("Stripe is not configured: there is nothing to compare with.")
            return
        try:
            report = run(options["at"])
        except Unavailable as error:
            raise CommandError("Stripe does not answer. Nothing is lost; run it again later.") from error
        self.stdout.write(str(report))
        if report.failed:
            raise CommandError("Not all could be followed; the log says why.")
