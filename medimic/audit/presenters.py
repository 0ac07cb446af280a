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
_titles: dict[str, str | Promise] = {}


class Details(dict[str, Any]):
    """An event's details; one that it does not have reads as a dash."""

    def __missing__(self, key: str) -> str:
        return "–"


class Gaps(dict[str, Any]):
    """In place of any detail, what says that there is one."""

    def __missing__(self, key: str) -> str:
        return "…"


def register(kind: str, presenter: Presenter | str | Promise, *, title: str | Promise = "") -> None:
    """Say how a kind of event reads: a sentence with `%(name)s` for its details,
    or a function of the event and its details. `title` is what the kind is called where one is
    chosen: needed for a function, and for a sentence that begins with what differs."""
    if kind in _presenters:
        raise ValueError(f"{kind} has a presenter already")
    _presenters[kind] = presenter
    if title:
        _titles[kind] = title


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


def title(kind: str) -> str:
    """What a kind of event is called where one is chosen: its sentence, without what differs."""
    presenter = _presenters.get(kind)
    if presenter is None:
        return kind
    if isinstance(presenter, str | Promise):
        return str(_titles.get(kind) or str(presenter) % Gaps())
    return str(_titles.get(kind) or kind)


def registered_kinds() -> frozenset[str]:
    return frozenset(_presenters)
