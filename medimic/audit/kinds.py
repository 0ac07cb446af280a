"""How the log's own rows read: what was refused, exports, and its upkeep."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from medimic.audit.presenters import register

if TYPE_CHECKING:
    from medimic.audit.models import AuditEvent


def register_all() -> None:
    register("audit.access_denied", _("Was refused access to a page or an act (%(route)s)"))
    register("audit.exported", _exported, title=_("Exported activity"))
    register("audit.journal_restored", _("Wrote checkpoints %(first)s to %(last)s into the log's journal"))
    register("audit.log_exported", _("Exported the audit log"))
    register("audit.pruned", _("Deleted %(rows)s entries of the log that were older than six years"))


def _exported(event: "AuditEvent", details: Mapping[str, Any]) -> str:
    as_proof = details["format"] == "jsonl"
    return gettext("Exported activity, with proofs") if as_proof else gettext("Exported activity")
