"""How the audit log's rows about organizations read, and what else is told when the app is ready.

The person whom a row concerns stands beside it: its words name nobody, since rows stay for ever.
"""

import uuid
from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from medimic.audit.models import AuditEvent
from medimic.audit.presenters import Presenter
from medimic.audit.presenters import register as present
from medimic.outbox.registry import register_guard
from orgs import notices
from orgs.models import Invitation, Membership


def register() -> None:
    present("orgs.created", _("Made the organization %(organization)s"))
    present("orgs.renamed", _("Renamed the organization %(before)s to %(organization)s"))
    present("orgs.invited", _with_role(_("Invited %(to)s as %(role)s")), title=_("Invited"))
    present(
        "orgs.invitation_sent_again",
        _with_role(_("Sent the invitation to %(to)s again")),
        title=_("Sent an invitation again"),
    )
    present(
        "orgs.invitation_withdrawn",
        _with_role(_("Withdrew the invitation to %(to)s")),
        title=_("Withdrew an invitation"),
    )
    present(
        "orgs.invitation_declined",
        _with_role(_("The invitation to %(to)s was declined")),
        title=_("An invitation was declined"),
    )
    present("orgs.single_sign_on_lifted", _("Support lifted the demand for single sign-on"))
    present(
        "orgs.second_factor_asked",
        _("%(organization)s asked for a second factor"),
        title=_("Asked for a second factor"),
    )
    present("orgs.joined", _with_role(_("Joined %(organization)s as %(role)s")), title=_("Joined"))
    present(
        "orgs.role_changed",
        _with_role(_("Role in %(organization)s changed from %(before)s to %(role)s")),
        title=_("Role changed"),
    )
    present(
        "orgs.removed",
        _with_role(_("Removed from %(organization)s, where the role was %(role)s")),
        title=_("Removed from the organization"),
    )
    present(
        "orgs.left",
        _with_role(_("Left %(organization)s, where the role was %(role)s")),
        title=_("Left the organization"),
    )
    present("orgs.audit_exported", _("Exported the organization's audit"))
    register_guard(notices.INVITATION, _is_still_good)


def _is_still_good(sending: uuid.UUID | None) -> bool:
    """Whether the link in a mail that waits to be sent would open anything."""
    return sending is not None and Invitation.objects.good().filter(sending=sending).exists()


def _with_role(sentence: Promise) -> Presenter:
    """The sentence with its roles in the reader's language."""

    def presenter(event: AuditEvent, details: Mapping[str, Any]) -> str:
        labels = {role.value: str(role.label) for role in Membership.Role}
        roles = {key: labels.get(details[key], details[key]) for key in ("role", "before") if key in details}
        return str(sentence) % {**details, **roles}

    return presenter
