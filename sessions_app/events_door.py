"""How the audit log's rows about joining a session and about its door read."""

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from medimic.audit.models import AuditEvent
from medimic.audit.presenters import register as present
from sessions_app.models import Participant


def register() -> None:
    present("sessions.codes_guessed", _("Saw %(failures)s wrong session codes in %(seconds)s seconds"))
    present(
        "sessions.joined",
        _in_the_role(_("Asked to join a session on %(device)s. Role: %(role)s")),
        title=_("Asked to join a session"),
    )
    present(
        "sessions.admitted",
        _in_the_role(_("Admitted somebody to a session. Role: %(role)s")),
        title=_("Admitted somebody to a session"),
    )
    present("sessions.refused", _("Refused somebody who asked to join a session"))
    present("sessions.removed", _("Removed somebody from a session"))
    present("sessions.left", _("Left a session"))
    present(
        "sessions.speaker_added",
        _in_the_role(_("Added a speaker to a session. Role: %(role)s")),
        title=_("Added a speaker to a session"),
    )
    present("sessions.expiring", _("Announced that a session is about to expire"))


def _in_the_role(text: Promise) -> Callable[[AuditEvent, Mapping[str, Any]], str]:
    """The sentence, with the role as the reader's language calls it."""

    def presented(event: AuditEvent, details: Mapping[str, Any]) -> str:
        role = str(Participant.Role(details["role"]).label)
        return str(text) % {"device": "–", **details, "role": role}

    return presented
