"""Join codes are short: how often they can be guessed."""

import uuid

from medimic.audit.log import Origin


def check(origin: Origin, account_id: uuid.UUID | None) -> None:
    """Refuse who guessed too often: raises `Problem` 429 `too_many_guesses`."""


def failed(origin: Origin, account_id: uuid.UUID | None) -> None:
    """Count a code that opened nothing."""
