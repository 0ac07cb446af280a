"""`manage.py worker`: sends what the outbox holds, and runs what falls due."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from medimic.outbox.worker import Stop, work, work_once


class Command(BaseCommand):
    help = "Send what the outbox holds and run the periodic jobs, until SIGTERM. Any number may run."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="do what is due now, and end")

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        stop = Stop()
        stop.listen()
        (work_once if once else work)(stop)
