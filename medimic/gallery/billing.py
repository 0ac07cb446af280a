"""Mails of plans."""

import datetime as dt

from billing import invoices, notices
from billing.catalogue import INDIVIDUAL
from billing.entitlements import Payer
from billing.lines import Line
from billing.models import LineKind
from medimic.gallery.registry import sample
from medimic.gallery.stage import Stage

INVOICE, PAST_DUE = "billing/mail/invoice", "billing/mail/past_due"


@sample(INVOICE, "An invoice to an organization, to be paid by transfer")
def invoice(stage: Stage) -> None:
    _invoice(stage)


@sample(INVOICE, "An invoice that is paid already")
def receipt(stage: Stage) -> None:
    _invoice(stage, paid_at=stage.now)


def _invoice(stage: Stage, paid_at: dt.datetime | None = None) -> None:
    plan = stage.clinic_plan
    line = Line(LineKind.PLAN, plan.price_minor * plan.seats, plan.price_minor, plan.seats)
    invoices.issue(plan, [line], at=stage.now, paid_at=paid_at)


@sample(PAST_DUE, "A payment is due today")
def past_due(stage: Stage) -> None:
    _past_due(stage, 0)


@sample(PAST_DUE, "A payment is past due by a week")
def past_due_week(stage: Stage) -> None:
    _past_due(stage, 7)


@sample(PAST_DUE, "The last day of grace")
def past_due_last(stage: Stage) -> None:
    _past_due(stage, 13)


def _past_due(stage: Stage, day: int) -> None:
    plan, since = stage.own_plan, stage.now - dt.timedelta(days=day)
    line = Line(LineKind.PLAN, plan.price_minor, plan.price_minor)
    invoices.issue(plan, [line], at=since - dt.timedelta(days=14), due_at=since)
    plan.past_due_since = since
    notices.past_due(plan, day)


@sample("billing/mail/lifted", "A late payment has come")
def lifted(stage: Stage) -> None:
    notices.lifted(stage.clinic_plan)


@sample("billing/mail/ended", "A plan has ended as was chosen")
def ended(stage: Stage) -> None:
    notices.ended(stage.own_plan)


@sample("billing/mail/nearly_used", "Four of five sessions are used")
def nearly_used(stage: Stage) -> None:
    notices.nearly_used(Payer(person_id=stage.reader.pk), INDIVIDUAL, used=160, quota=200)


@sample("billing/mail/no_seat", "Somebody invited found no free seat")
def no_seat(stage: Stage) -> None:
    notices.no_seat(stage.clinic, email=stage.colleague.email or "", invitation=stage.clinic.pk)
