"""How a row of the audit log reads. Apps register theirs in `AppConfig.ready`.

Imports no model, so that `apps.py` may import this at its top.
"""

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from django.utils.functional import Promise

if TYPE_CHECKING:
    from medimic.audit.models import AuditEvent

Presenter = Callable[["AuditEvent", Mapping[str, Any]], str]
_presenters: dict[str, Presenter | str | Promise] = {}


class Details(dict[str, Any]):
    """An event's details. The log keeps rows of years ago as they were written then: a
    detail that came into use later reads as a dash, and does not take the page down."""

    def __missing__(self, key: str) -> str:
        return "–"


def register(kind: str, presenter: Presenter | str | Promise) -> None:
    """Say how a kind of event reads: a sentence with `%(name)s` for its details,
    or a function of the event and its details."""
    if kind in _presenters:
        raise ValueError(f"{kind} has a presenter already")
    _presenters[kind] = presenter


def sentence(event: "AuditEvent") -> str:
    """The event in words, in the reader's language; its bare kind where nobody registered one."""
    presenter = _presenters.get(event.kind)
    if presenter is None:
        return event.kind
    details = Details(json.loads(event.details))
    if callable(presenter):
        return presenter(event, details)
    return str(presenter) % details


def registered_kinds() -> frozenset[str]:
    return frozenset(_presenters)
