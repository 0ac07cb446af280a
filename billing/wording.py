"""What the lines of an invoice say, in the reader's language and with their dates."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from babel import Locale
from babel.numbers import format_percent
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from billing.catalogue import PLANS
from billing.lines import Line
from billing.models import InvoiceLine, LineKind
from medimic.formatting import Dates


@dataclass(frozen=True)
class Words:
    """A line in words: "Team plan", and its days below where it has some."""

    text: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.text}, {self.detail}" if self.detail else self.text


def words_of(line: InvoiceLine | Line, dates: Dates) -> Words:
    """In the active language; days in the reader's form."""
    start, end = (
        (line.period_start, line.period_end) if isinstance(line, InvoiceLine) else (line.start, line.end)
    )
    return Words(_text(LineKind(line.kind), line.data, dates.locale), days_text(start, end, dates))


def days_text(start: dt.date | None, end: dt.date | None, dates: Dates) -> str:
    """From the first day to the last; `end` is the first one that is not among them."""
    if start is None or end is None:
        return ""
    last = end - dt.timedelta(days=1)
    if start == last:
        return dates.day(start)
    return f"{dates.day(start)} – {dates.day(last)}"


def rate_text(basis_points: int, locale: Locale | str) -> str:
    """ "19%" or "19 %", as that locale writes it."""
    return format_percent(basis_points / 10_000, format=None, locale=locale, decimal_quantization=False)


def _text(kind: LineKind, data: dict[str, Any], locale: Locale) -> str:
    plan = PLANS.get(str(data.get("plan", "")))
    known = {"plan": str(plan.name) if plan else "", "reason": str(data.get("reason") or "")}
    match kind:
        case LineKind.PLAN:
            return pgettext("invoice line", "%(plan)s plan") % known
        case LineKind.UNUSED:
            return _("Unused days of %(plan)s") % known
        case LineKind.REMAINING:
            return _("Remaining days of %(plan)s") % known
        case LineKind.SEATS:
            return _("Additional providers on %(plan)s") % known
        case LineKind.CREDIT:
            return _credit_text(data, known, locale)
        case LineKind.TAX:
            return _("Tax %(rate)s") % {"rate": rate_text(int(data.get("rate", 0)), locale)}
        case _:
            return known["reason"] or _("Adjustment")


def _credit_text(data: dict[str, Any], known: dict[str, str], locale: Locale) -> str:
    of = str(data.get("of") or "")
    if not of:
        return _("Credit: %(reason)s") % known if known["reason"] else _("Credit")
    credited = _text(LineKind(of), {**data, "of": ""}, locale)
    return _("Credit for: %(line)s") % {"line": credited}
