"""Invoices as rows of a table."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from billing.addresses import Addresses
from billing.models import Invoice
from billing.money import money
from medimic.formatting import Dates
from medimic.templatetags.look import icon


@dataclass(frozen=True)
class Standing:
    """How an invoice stands: a word, its badge and its icon, and what there is to add."""

    label: str
    badge: str
    icon: SafeString
    detail: str = ""


@dataclass(frozen=True)
class InvoiceRow:
    number: str
    href: str
    kind: str
    issued: str
    total: str
    standing: Standing
    download: str


class InvoicePresenter:
    """Rows of one holder's invoices; made once for a page."""

    def __init__(self, addresses: Addresses, dates: Dates, locale: str, *, at: dt.datetime) -> None:
        self.addresses = addresses
        self.dates = dates
        self.at = at
        self.money = lru_cache(maxsize=256)(lambda minor, currency: money(minor, currency, locale))
        self.download = _("Download %(number)s as PDF")
        self.home = addresses.invoices

    def rows(self, invoices: Iterable[Invoice]) -> list[InvoiceRow]:
        return [self.row(invoice) for invoice in invoices]

    def row(self, invoice: Invoice) -> InvoiceRow:
        return InvoiceRow(
            number=invoice.number,
            href=f"{self.home}{invoice.pk}/",
            kind=invoice.get_kind_display(),
            issued=self.day(invoice.issued_at),
            total=self.money(invoice.total_minor, invoice.currency),
            standing=self.standing(invoice),
            download=self.download % {"number": invoice.number},
        )

    def standing(self, invoice: Invoice) -> Standing:
        if invoice.state == Invoice.State.PAID:
            label = _("Given back") if self._is_credit(invoice) else invoice.get_state_display()
            return Standing(label, "is-ok", icon("check"))
        if invoice.state == Invoice.State.CREDITED:
            return Standing(invoice.get_state_display(), "is-off", icon("info"))
        if self._is_credit(invoice):
            return Standing(_("To be given back"), "is-info", icon("clock"))
        due = _("due %(day)s") % {"day": self.day(invoice.due_at)}
        if invoice.is_overdue(self.at):
            return Standing(pgettext("invoice", "Overdue"), "is-danger", icon("warning"), due)
        return Standing(invoice.get_state_display(), "is-info", icon("clock"), due)

    def day(self, instant: dt.datetime) -> str:
        """A day of the calendar (UTC), as the paper says it."""
        return self.dates.day(instant.astimezone(dt.UTC).date())

    @staticmethod
    def _is_credit(invoice: Invoice) -> bool:
        return invoice.kind == Invoice.Kind.CREDIT_NOTE
