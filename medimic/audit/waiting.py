"""Waiting for the sealer, which the worker runs: a row that was just written is sealed within seconds."""

import time

from medimic.audit.models import AuditEvent

SECONDS = 15.0
PAUSE = 0.1


def until_sealed(event: AuditEvent) -> AuditEvent | None:
    """The row as it is sealed; None where that takes longer than it should."""
    deadline = time.monotonic() + SECONDS
    while True:
        sealed = AuditEvent.objects.filter(pk=event.pk, position__isnull=False).first()
        if sealed or time.monotonic() > deadline:
            return sealed
        time.sleep(PAUSE)
