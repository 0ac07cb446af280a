"""What jobs do to many sessions, one after the other."""

import logging
from collections.abc import Callable
from uuid import UUID

from django.db import DatabaseError, transaction
from django.db.models import QuerySet

from sessions_app.models import Visit

logger = logging.getLogger(__name__)

BATCH = 500


def one_by_one(due: Callable[[], QuerySet[Visit]], act: Callable[[Visit], object]) -> None:
    """Do it to each session that is due, in a transaction of its own, until none is.

    A worker that dies leaves the others to the next one. One that cannot be read or written about is
    logged and passed over, so that it stops none of those behind it.
    """
    failed: set[UUID] = set()
    while keys := list(
        due().exclude(pk__in=failed).order_by("expires_at", "id").values_list("pk", flat=True)[:BATCH]
    ):
        for key in keys:
            try:
                with transaction.atomic():
                    act(Visit.objects.select_related("host").get(pk=key))
            except DatabaseError:
                raise
            except Exception as error:
                # Its text may quote what the session holds.
                logger.error("session %s was passed over: %s", key, type(error).__name__)
                failed.add(key)
