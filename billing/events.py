"""How the audit log's rows about billing read, and the jobs that billing has.

A row's words name a plan and amounts, never whose they are: that stands beside it.
"""

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext_lazy as _

from billing.catalogue import PLANS
from billing.money import money
from medimic.audit.models import AuditEvent
from medimic.audit.presenters import Presenter
from medimic.audit.presenters import register as present
from medimic.outbox.registry import register_guard, register_job


def register() -> None:
    from billing import notices, past_due, renewals

    _present("billing.subscribed", _("Took out %(plan)s"), _("Took out a plan"))
    _present("billing.upgraded", _("Upgraded from %(before)s to %(plan)s"), _("Upgraded a plan"))
    _present(
        "billing.downgrade_chosen",
        _("Chose %(next)s after %(day)s in place of %(plan)s"),
        _("Chose a smaller plan"),
    )
    _present("billing.downgraded", _("Plan changed from %(before)s to %(plan)s"), _("Plan changed"))
    _present(
        "billing.cancellation_chosen", _("Canceled %(plan)s; it ends after %(day)s"), _("Canceled a plan")
    )
    _present("billing.resumed", _("Kept %(plan)s after all"), _("Kept a plan after all"))
    _present("billing.ended", _("%(plan)s ended"), _("Plan ended"))
    _present("billing.renewed", _("%(plan)s was renewed"), _("Plan renewed"))
    _present(
        "billing.seats_added",
        _("Paid seats on %(plan)s raised from %(before)s to %(seats)s"),
        _("Added paid seats"),
    )
    _present(
        "billing.seats_released",
        _("Paid seats on %(plan)s lowered from %(before)s to %(seats)s"),
        _("Gave paid seats back"),
    )
    _present("billing.past_due", _("%(plan)s is past due"), _("Plan past due"))
    _present("billing.past_due_lifted", _("%(plan)s is paid again"), _("Plan paid again"))
    _present(
        "billing.invoice_issued", _("Invoice %(number)s over %(amount)s was issued"), _("Invoice issued")
    )
    _present(
        "billing.credited",
        _("Credit note %(number)s over %(amount)s was issued for invoice %(credits)s: %(reason)s"),
        _("Credit note issued"),
    )
    _present("billing.invoice_paid", _("Invoice %(number)s was paid"), _("Invoice paid"))
    _present("billing.refunded", _("The money of credit note %(number)s was given back"), _("Refunded"))
    _present("billing.details_changed", _("Changed whom invoices are written to"), "")
    present("billing.sessions_granted", _granted, title=_("Granted sessions"))
    register_guard(notices.PAST_DUE, notices.still_past_due)
    register_job("billing.renew", every=renewals.EVERY, run=renewals.run)
    register_job("billing.past_due", every=past_due.EVERY, run=past_due.run)


def _present(kind: str, sentence: Promise, title: Promise | str) -> None:
    present(kind, _with_names(sentence), title=title or sentence)


def _with_names(sentence: Promise) -> Presenter:
    """The sentence with plans by their names and amounts in the reader's form; a reason at its end."""

    def presenter(event: AuditEvent, details: Mapping[str, Any]) -> str:
        known = dict(details)
        for key in ("plan", "before", "next"):
            if details.get(key) in PLANS:
                known[key] = str(PLANS[details[key]].name)
        if "minor" in details:
            known["amount"] = money(abs(details["minor"]), details["currency"], get_language() or "en")
        text = str(sentence) % known
        reason = details.get("reason")
        return f"{text}: {reason}" if reason and "%(reason)s" not in str(sentence) else text

    return presenter


def _granted(event: AuditEvent, details: Mapping[str, Any]) -> str:
    number = int(details["sessions"])
    return ngettext(
        "%(n)d session was granted on top of the plan: %(reason)s",
        "%(n)d sessions were granted on top of the plan: %(reason)s",
        number,
    ) % {"n": number, "reason": details["reason"]}
