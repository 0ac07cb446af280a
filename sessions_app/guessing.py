"""Join codes are short: how often they can be guessed.

Who was wrong `MOST` times within `WINDOW` waits: counted for each address, and for each account, in the
cache that all workers share. Each failure takes one of so many slots, so that calls at the same instant
cannot count as one. While there are `MANY` failures from everywhere, those who failed before are held
to `FEW`, and support is told once a window; a right code from an address without failures is never
refused, whatever others do.
"""

import datetime as dt
import ipaddress
import logging
import math
import time
import uuid
from collections.abc import Iterator

from django.core.cache import cache
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from medimic import crypto
from medimic.audit.log import SYSTEM, Origin, record
from medimic.problems import Problem

logger = logging.getLogger(__name__)

WINDOW = dt.timedelta(minutes=10)
MOST = 10
FEW = 3
# A mistyped code is rare: with 300 million codes, this many failures are no accident.
MANY = 300
SECONDS = int(WINDOW.total_seconds())


def check(origin: Origin, account_id: uuid.UUID | None) -> None:
    """Refuse who guessed too often: raises `Problem` 429 `too_many_guesses`."""
    worst = max((_taken(subject) for subject in _subjects(origin, account_id)), key=len)
    # Only who failed before pays for one more look.
    if len(worst) >= MOST or (len(worst) >= FEW and _is_storm()):
        raise _too_many(min(worst.values()))


def failed(origin: Origin, account_id: uuid.UUID | None) -> None:
    """Count a code that opened nothing. Outside of any transaction that is rolled back."""
    for subject in _subjects(origin, account_id):
        _take(subject)
    if _count_all() == MANY:
        _alert()


def _subjects(origin: Origin, account_id: uuid.UUID | None) -> Iterator[str]:
    yield crypto.keyed_hash("guessing", f"address {_network(origin.address)}")[:32]
    if account_id is not None:
        yield crypto.keyed_hash("guessing", f"account {account_id}")[:32]


def _network(address: str) -> str:
    """An IPv6 network, since whoever has one has all of its addresses; any other address as it is."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.version == 6 and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def _slots(subject: str) -> list[str]:
    return [f"guess:{subject}:{number}" for number in range(MOST)]


def _taken(subject: str) -> dict[str, float]:
    """The slots of failures that still count, and when each is free again; one query."""
    now = time.time()
    return {slot: end for slot, end in cache.get_many(_slots(subject)).items() if end > now}


def _take(subject: str) -> None:
    taken = _taken(subject)
    free = [slot for slot in _slots(subject) if slot not in taken]
    end = time.time() + SECONDS
    # Adding is what a cache does for one caller alone; where all are taken, no more need be counted.
    any(cache.add(slot, end, SECONDS) for slot in free)


def _too_many(until: float) -> Problem:
    return Problem(
        429,
        "too_many_guesses",
        _("Too many codes were wrong. Wait a few minutes, and ask for the code again."),
        retry_after=max(1, math.ceil(until - time.time())),
    )


# --- From everywhere ----------------------------------------------------------------


def _window() -> str:
    return f"guesses:{int(time.time()) // SECONDS}"


def _is_storm() -> bool:
    return bool(cache.get(_window(), 0) >= MANY)


def _count_all() -> int:
    """How many failures this window has; a little less where many count at once, which delays an alert."""
    window = _window()
    cache.add(window, 0, SECONDS)
    try:
        return int(cache.incr(window))
    except ValueError:
        # Its time was over in between.
        return 1


def _alert() -> None:
    """Tell once: in the log of the server, and in that of the audit."""
    if cache.add(f"{_window()}:told", 1, SECONDS):
        logger.warning("%d join codes were wrong within %d seconds", MANY, SECONDS)
        with transaction.atomic():
            record("sessions.codes_guessed", origin=SYSTEM, details={"failures": MANY, "seconds": SECONDS})
