"""Whose logs a row stands in, with a number that has no gaps: a person's, and an organization's.

What an organization's admins must not learn has no number in its log, or the gaps would tell of it.
Which kinds these are, the app that knows says at start.
"""

import uuid

from medimic.audit.models import AuditEvent

PERSON, ORGANIZATION = "person", "organization"
_hidden: dict[str, frozenset[str]] = {}


def hide_from_organizations(prefix: str, *, but: tuple[str, ...] = ()) -> None:
    """Leave rows whose kind begins so out of organizations' logs, but for these."""
    _hidden[prefix] = frozenset(but)


def name(kind: str, subject: uuid.UUID) -> str:
    return f"{kind}:{subject}"


def of_person(event: AuditEvent) -> str | None:
    return name(PERSON, event.person_id) if event.person_id else None


def of_organization(event: AuditEvent) -> str | None:
    if not event.organization_id or any(
        event.kind.startswith(prefix) and event.kind not in but for prefix, but in _hidden.items()
    ):
        return None
    return name(ORGANIZATION, event.organization_id)
