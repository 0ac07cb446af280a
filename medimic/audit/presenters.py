"""How a row of the audit log reads. Apps register theirs in `AppConfig.ready`.

Imports no model, so that `apps.py` may import this at its top.
"""

import json
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from django.utils.functional import Promise

if TYPE_CHECKING:
    from medimic.audit.models import AuditEvent

logger = logging.getLogger(__name__)

Presenter = Callable[["AuditEvent", Mapping[str, Any]], str]
_presenters: dict[str, Presenter | str | Promise] = {}


class Details(dict[str, Any]):
    """An event's details; one that it does not have reads as a dash."""

    def __missing__(self, key: str) -> str:
        return "–"


def register(kind: str, presenter: Presenter | str | Promise) -> None:
    """Say how a kind of event reads: a sentence with `%(name)s` for its details,
    or a function of the event and its details."""
    if kind in _presenters:
        raise ValueError(f"{kind} has a presenter already")
    _presenters[kind] = presenter


def sentence(event: "AuditEvent") -> str:
    """The event in words, in the reader's language; its bare kind where nobody registered one.

    The log keeps rows of years ago as they were written then: one that today's
    presenter cannot read must not take the page down.
    """
    presenter = _presenters.get(event.kind)
    if presenter is None:
        return event.kind
    try:
        details = Details(json.loads(event.details))
        return presenter(event, details) if callable(presenter) else str(presenter) % details
    except (KeyError, ValueError, TypeError):
        logger.exception("audit event %s does not read", event.pk)
        return event.kind


def registered_kinds() -> frozenset[str]:
    return frozenset(_presenters)
