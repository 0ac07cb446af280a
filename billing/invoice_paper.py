"""An invoice as it is printed: in the language and with the dates that it was issued for.

Nothing that can change afterwards stands on it, so that the same invoice is the same file for ever.
"""

import datetime as dt

from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from billing.models import Invoice, InvoiceLine, LineKind
from billing.money import money
from billing.pdf.paper import Address, Line, Paper, Part, Sum, pdf
from billing.wording import days_text, words_of
from medimic.formatting import Dates


def file_of(invoice: Invoice) -> bytes:
    """The PDF; takes the invoice's lines and what it credits, two queries."""
    return pdf(paper_of(invoice))


def paper_of(invoice: Invoice) -> Paper:
    with translation.override(invoice.language):
        return _Writer(invoice).paper()


class _Writer:
    def __init__(self, invoice: Invoice) -> None:
        self.invoice = invoice
        self.is_credit = invoice.kind == Invoice.Kind.CREDIT_NOTE
        self.dates = Dates(invoice.locale, "UTC", now=invoice.issued_at)
        lines = list(invoice.lines.all())
        self.charged = [line for line in lines if line.kind != LineKind.TAX]
        self.taxes = [line for line in lines if line.kind == LineKind.TAX]

    def paper(self) -> Paper:
        invoice = self.invoice
        sender = _lines(invoice.seller) or ("MediMic",)
        return Paper(
            language=invoice.language.partition("-")[0].partition("_")[0],
            title=_("Credit note") if self.is_credit else _("Invoice"),
            number=invoice.number,
            issued_at=invoice.issued_at,
            sender=Address(sender[0], sender[1:]),
            recipient_heading=pgettext("letter", "To"),
            recipient=Address(invoice.bill_to_name, self._recipient()),
            facts=self._facts(),
            columns=(_("What"), _("Quantity"), _("Price a month"), _("Amount")),
            lines=tuple(self._line(line) for line in self.charged),
            sums=self._sums(),
            # typst fills these in: only it knows how many pages there are.
            page_words=_("Page %(page)s of %(pages)s") % {"page": "{page}", "pages": "{pages}"},
            opening=self._opening(),
            parts=self._parts(),
            footer=(" · ".join(sender),),
        )

    def _recipient(self) -> tuple[str, ...]:
        invoice = self.invoice
        lines = (*_lines(invoice.bill_to_address), invoice.bill_to_email)
        if invoice.bill_to_tax_id:
            lines = (*lines, _("Tax number %(number)s") % {"number": invoice.bill_to_tax_id})
        return tuple(line for line in lines if line)

    def _facts(self) -> tuple[tuple[str, str], ...]:
        invoice = self.invoice
        facts = [
            (_("Number of the credit note") if self.is_credit else _("Invoice number"), invoice.number),
            (_("Date"), self._day(invoice.issued_at)),
        ]
        if self.is_credit and invoice.credits:
            facts.append((_("For invoice"), invoice.credits.number))
        elif not self.is_credit:
            facts.append((_("Due"), self._day(invoice.due_at)))
        if period := self._period():
            facts.append((_("Period"), period))
        return tuple(facts)

    def _period(self) -> str:
        starts = [line.period_start for line in self.charged if line.period_start]
        ends = [line.period_end for line in self.charged if line.period_end]
        return days_text(min(starts), max(ends), self.dates) if starts and ends else ""

    def _line(self, line: InvoiceLine) -> Line:
        words = words_of(line, self.dates)
        return Line(
            words.text,
            quantity=str(line.quantity),
            unit=self._money(line.unit_minor),
            amount=self._money(line.amount_minor),
            detail=words.detail,
        )

    def _sums(self) -> tuple[Sum, ...]:
        total = Sum(_("Total"), self._money(self.invoice.total_minor), is_total=True)
        if not self.taxes:
            return (total,)
        taxes = (Sum(words_of(line, self.dates).text, self._money(line.amount_minor)) for line in self.taxes)
        return (Sum(_("Without tax"), self._money(self.invoice.net_minor)), *taxes, total)

    def _opening(self) -> tuple[str, ...]:
        credited = self.invoice.credits
        if not self.is_credit or credited is None:
            return ()
        known = {"number": credited.number, "day": self._day(credited.issued_at)}
        return (_("It corrects invoice %(number)s of %(day)s.") % known,)

    def _parts(self) -> tuple[Part, ...]:
        invoice = self.invoice
        heading = _("Payment")
        if self.is_credit:
            return (Part(heading, (_("The amount is set off against what is owed, or given back."),)),)
        if not invoice.total_minor:
            return (Part(heading, (_("There is nothing to pay."),)),)
        if not invoice.pay_to:
            return (Part(heading, (_("It is taken from the payment method of your plan."),)),)
        known = {"amount": self._money(invoice.total_minor), "day": self._day(invoice.due_at)}
        words = _("Transfer %(amount)s by %(day)s, and name the invoice number.") % known
        account = [_fact(line) for line in _lines(invoice.pay_to)]
        facts = [*account, (_("Reference"), invoice.number)]
        return (Part(heading, (words,), tuple(facts)),)

    def _money(self, minor: int) -> str:
        return money(minor, self.invoice.currency, self.invoice.locale)

    def _day(self, instant: dt.datetime) -> str:
        return self.dates.day(instant.astimezone(dt.UTC).date())


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def _fact(line: str) -> tuple[str, str]:
    """ "IBAN: DE00 …" as a label and what it is of."""
    label, colon, value = line.partition(":")
    return (label.strip(), value.strip()) if colon and value.strip() else ("", line)
