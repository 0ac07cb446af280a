"""`manage.py worker`: sends what the outbox holds, runs what falls due, and seals the audit log."""

import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from medimic.audit import journal, sealer
from medimic.outbox.worker import Stop, work, work_once

STOP_SECONDS = 10


class Command(BaseCommand):
    help = (
        "Send what the outbox holds, run the periodic jobs and seal the audit log, until SIGTERM. Any "
        "number may run; those that cannot reach the journal run with --without-sealer."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="do what is due now, and end")
        parser.add_argument("--without-sealer", action="store_true", help="leave sealing to other workers")

    def handle(self, *args: Any, once: bool, without_sealer: bool, **options: Any) -> None:
        stop = Stop()
        stop.listen()
        if once:
            work_once(stop)
            if not without_sealer:
                self._seal()
            return
        # In a thread of its own: a mail server that is slow must not hold the seal up.
        asked, sealing = threading.Event(), None
        if not without_sealer:
            sealing = threading.Thread(target=sealer.keep_sealing, args=(asked,), name="sealer", daemon=True)
            sealing.start()
        try:
            work(stop)
        finally:
            asked.set()
            if sealing:
                sealing.join(STOP_SECONDS)

    def _seal(self) -> None:
        try:
            sealer.seal()
        except journal.Differs as difference:
            self.stderr.write(f"The audit log is not sealed: {difference}.")
