"""The header by which another server says when it may be asked again."""

import datetime as dt
from email.utils import parsedate_to_datetime

from django.utils import timezone

LONGEST_WAIT = dt.timedelta(hours=6)


def read(value: str) -> dt.timedelta | None:
    """Seconds or a date; None where it is neither, and never longer than `LONGEST_WAIT`."""
    if value.isascii() and value.isdigit():
        wait = dt.timedelta(seconds=min(int(value[:9]), LONGEST_WAIT.total_seconds()))
    else:
        try:
            when = parsedate_to_datetime(value)
        except ValueError:
            return None
        wait = (when if when.tzinfo else when.replace(tzinfo=dt.UTC)) - timezone.now()
    return min(max(wait, dt.timedelta(0)), LONGEST_WAIT)
