"""Invoices and credit notes: numbered without gaps, and never changed once they are issued.

`save` and `delete` refuse, and so does the database (`billing.triggers`): what changes
afterwards is whether it is paid or credited, by the verbs here, and nothing else.
"""

import datetime as dt
import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Person
from billing.models.subscriptions import GatewayName, Subscription
from orgs.models import Organization


class ImmutableInvoice(Exception):
    """Somebody tried to change or delete what is issued."""


class InvoiceCounter(models.Model):
    """The last number of one series in one year. Its row is locked by whoever takes the next."""

    series = models.CharField(max_length=4)
    year = models.PositiveSmallIntegerField()
    last = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["series", "year"], name="invoice_counter_one")]

    def __str__(self) -> str:
        return f"{self.series}-{self.year}: {self.last}"


class InvoiceQuerySet(models.QuerySet["Invoice"]):
    def newest_first(self) -> "InvoiceQuerySet":
        return self.order_by("-issued_at", "-number")

    def of_holder(self, *, person: Person | None, organization: Organization | None) -> "InvoiceQuerySet":
        """Those of one holder: a person's own or an organization's, of earlier subscriptions, too."""
        return self.filter(person=person, organization=organization)

    def owed(self) -> "InvoiceQuerySet":
        """Invoices that nobody has paid or credited in full; credit notes are not among them.

        Each knows its `owed_minor`: partly credited, that is less than its total.
        """
        notes = Invoice.objects.filter(credits=OuterRef("pk")).order_by().values("credits")
        given_back = Coalesce(Subquery(notes.values(given=Sum("total_minor"))), 0)
        left = {"owed_minor": F("total_minor") + given_back}
        return self.filter(kind=Invoice.Kind.INVOICE, state=Invoice.State.OPEN).annotate(**left)

    def overdue(self, at: dt.datetime) -> "InvoiceQuerySet":
        return self.owed().filter(due_at__lte=at)


class Invoice(models.Model):
    """What a holder was charged, or given back, as it was then.

    Amounts are whole minor units of `currency`; those of a credit note are negative. The
    lines (tax among them, as a line of its own) add up to `total_minor` to the last cent.
    Who it is billed to and by is kept as it was when it was issued.
    """

    class Kind(models.TextChoices):
        INVOICE = "invoice", _("Invoice")
        CREDIT_NOTE = "credit_note", _("Credit note")

    class State(models.TextChoices):
        """Of a credit note: open is what still has to be given back."""

        OPEN = "open", pgettext_lazy("invoice", "Open")
        PAID = "paid", pgettext_lazy("invoice", "Paid")
        CREDITED = "credited", pgettext_lazy("invoice", "Credited")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.CharField(_("number"), max_length=20, unique=True)
    kind = models.CharField(_("kind"), max_length=11, choices=Kind.choices, default=Kind.INVOICE)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.OPEN)
    subscription = models.ForeignKey(
        Subscription, on_delete=models.PROTECT, related_name="invoices", verbose_name=_("subscription")
    )
    # The subscription's holder, beside it for the history of one holder.
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    credits = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="credit_notes"
    )
    issued_at = models.DateTimeField(_("issued"))
    due_at = models.DateTimeField(_("due"))
    paid_at = models.DateTimeField(_("paid"), null=True, blank=True)
    currency = models.CharField(_("currency"), max_length=3)
    total_minor = models.IntegerField(_("total, in minor units"))
    tax_minor = models.IntegerField(_("tax in it, in minor units"))
    tax_basis_points = models.PositiveSmallIntegerField(_("tax rate, in hundredths of a percent"))
    # How many lines it was issued with: the database takes no further one.
    line_count = models.PositiveSmallIntegerField()
    # Of those that `owed` finds.
    owed_minor: int
    # The customer's, for whoever prints it.
    language = models.CharField(_("language"), max_length=8)
    locale = models.CharField(_("dates"), max_length=8)
    bill_to_name = models.CharField(_("billed to"), max_length=200)
    bill_to_email = models.CharField(_("e-mail"), max_length=254, blank=True, default="")
    bill_to_address = models.TextField(_("address"), blank=True, default="")
    bill_to_tax_id = models.CharField(_("tax number"), max_length=40, blank=True, default="")
    seller = models.TextField(_("billed by"), blank=True, default="")
    # Where to pay it to; empty where the gateway collects it.
    pay_to = models.TextField(_("account"), blank=True, default="")
    gateway = models.CharField(_("gateway"), max_length=10, choices=GatewayName.choices)
    gateway_invoice = models.CharField(_("id at the gateway"), max_length=255, blank=True, default="")

    objects = InvoiceQuerySet.as_manager()

    class Meta:
        verbose_name = _("invoice")
        verbose_name_plural = _("invoices")
        constraints = [
            models.CheckConstraint(
                condition=Q(person=None, organization__isnull=False)
                | Q(person__isnull=False, organization=None),
                name="invoice_has_one_holder",
            ),
            models.CheckConstraint(
                condition=Q(kind="invoice", credits=None, total_minor__gte=0)
                | Q(kind="credit_note", credits__isnull=False, total_minor__lte=0),
                name="invoice_sign",
            ),
            models.CheckConstraint(
                condition=Q(state="open", paid_at=None)
                | Q(state="paid", paid_at__isnull=False)
                | Q(state="credited", kind="invoice"),
                name="invoice_paid",
            ),
            models.CheckConstraint(condition=Q(due_at__gte=F("issued_at")), name="invoice_due_later"),
            models.UniqueConstraint(
                fields=["gateway", "gateway_invoice", "kind"],
                condition=~Q(gateway_invoice=""),
                name="invoice_once_of_gateway",
            ),
        ]
        indexes = [
            models.Index(fields=["person", "-issued_at", "-number"], name="invoice_of_person"),
            models.Index(fields=["organization", "-issued_at", "-number"], name="invoice_of_organization"),
            models.Index(fields=["due_at"], condition=Q(state="open"), name="invoice_open_due"),
            models.Index(fields=["-issued_at", "-number"], name="invoice_newest"),
        ]

    def __str__(self) -> str:
        return self.number

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise ImmutableInvoice(f"{self.number} is issued: only a credit note changes it")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise ImmutableInvoice(f"{self.number} is issued, and stays")

    @property
    def net_minor(self) -> int:
        return self.total_minor - self.tax_minor

    def is_overdue(self, at: dt.datetime) -> bool:
        return self.kind == self.Kind.INVOICE and self.state == self.State.OPEN and self.due_at <= at

    def settle(self, at: dt.datetime) -> bool:
        """It is paid (a credit note: given back); False if it was before. Of many at once one wins."""
        return self._change({self.State.OPEN}, state=self.State.PAID, paid_at=at)

    def credit(self) -> bool:
        """A credit note took all of it back, paid or not; False if one did before."""
        return self._change({self.State.OPEN, self.State.PAID}, state=self.State.CREDITED)

    def _change(self, among: set["Invoice.State"], **changes: Any) -> bool:
        if not Invoice.objects.filter(pk=self.pk, state__in=among).update(**changes):
            return False
        for name, value in changes.items():
            setattr(self, name, value)
        return True


class LineKind(models.TextChoices):
    """What a line charges; `InvoiceLine.data` holds what its words need.

    Words are made when it is printed, in the reader's language (`billing.wording`).
    """

    PLAN = "plan", _("Plan")  # plan
    UNUSED = "unused", _("Unused days")  # plan
    REMAINING = "remaining", _("Remaining days")  # plan
    SEATS = "seats", _("Additional providers")  # plan
    CREDIT = "credit", _("Credit")  # of (the credited line's kind, or nothing), plan, reason
    ADJUSTMENT = "adjustment", _("Adjustment")  # reason
    TAX = "tax", _("Tax")  # rate, in basis points


class InvoiceLine(models.Model):
    """One line. Its days run from `period_start` up to and without `period_end`.

    `amount_minor` is what counts; `quantity` times `unit_minor` (the agreed price of a whole
    period) is it only where a line charges whole periods.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="lines")
    position = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=10, choices=LineKind.choices)
    data = models.JSONField(default=dict, blank=True)
    quantity = models.PositiveIntegerField(default=1)
    unit_minor = models.IntegerField()
    amount_minor = models.IntegerField()
    period_start = models.DateField(null=True, blank=True)
    period_end = models.DateField(null=True, blank=True)

    class Meta:
        verbose_name = _("line of an invoice")
        verbose_name_plural = _("lines of an invoice")
        ordering = ["invoice", "position"]
        constraints = [
            models.UniqueConstraint(fields=["invoice", "position"], name="invoice_line_position"),
            models.CheckConstraint(
                condition=Q(period_start=None, period_end=None) | Q(period_start__lt=F("period_end")),
                name="invoice_line_period",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.position}: {self.kind} {self.amount_minor}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise ImmutableInvoice("a line of an issued invoice stays")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise ImmutableInvoice("a line of an issued invoice stays")
