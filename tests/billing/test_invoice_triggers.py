"""The database itself keeps issued invoices as they are."""

import datetime as dt

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from billing.models import ImmutableInvoice, Invoice, InvoiceLine, LineKind
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.both]
NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)


@pytest.fixture
def invoice(outsider):
    made = Invoice.objects.create(
        number="MM-2026-000001",
        subscription=outsider.subscriptions.get(),
        person=outsider,
        issued_at=NOW,
        due_at=NOW + dt.timedelta(days=14),
        currency="EUR",
        total_minor=2900,
        tax_minor=0,
        tax_basis_points=0,
        line_count=2,
        language="en",
        locale="en_GB",
        bill_to_name=outsider.name,
        gateway="offline",
    )
    InvoiceLine.objects.create(
        invoice=made, position=1, kind=LineKind.PLAN, data={}, unit_minor=2900, amount_minor=2900
    )
    InvoiceLine.objects.create(
        invoice=made, position=2, kind=LineKind.TAX, data={}, unit_minor=0, amount_minor=0
    )
    return made


def refused(sql: str) -> bool:
    with pytest.raises(DatabaseError, match="an issued invoice does not change"), transaction.atomic():
        connection.cursor().execute(sql)
    return True


CHANGED = {
    "number": "MM-2026-000002", "kind": "credit_note", "issued_at": NOW + dt.timedelta(days=1),
    "due_at": NOW + dt.timedelta(days=20), "currency": "USD", "total_minor": 1, "tax_minor": 1,
    "tax_basis_points": 1, "line_count": 3, "language": "pl", "locale": "pl_PL", "bill_to_name": "x",
    "bill_to_email": "x@people.example", "bill_to_address": "x", "bill_to_tax_id": "x", "seller": "x",
    "pay_to": "x", "gateway": "stripe", "gateway_invoice": "x", "paid_at": NOW, "person_id": None,
}  # fmt: skip


@pytest.mark.parametrize("column", CHANGED)
def test_no_column_of_an_issued_invoice_changes(invoice, column):
    with pytest.raises(DatabaseError, match="does not change"), transaction.atomic():
        Invoice.objects.filter(pk=invoice.pk).update(**{column: CHANGED[column]})


@pytest.mark.parametrize(
    ("before", "after"),
    [("paid", "open"), ("credited", "open"), ("credited", "paid"), ("paid", "paid")],
)
def test_state_never_goes_back(invoice, before, after):
    invoice.settle(NOW) if before == "paid" else invoice.credit()
    changes = {"state": after, "paid_at": NOW + dt.timedelta(days=1) if after == "paid" else None}
    with pytest.raises(DatabaseError, match="does not change"), transaction.atomic():
        Invoice.objects.filter(pk=invoice.pk).update(**changes)


def test_paid_once(invoice):
    assert invoice.settle(NOW)
    assert not Invoice.objects.get(pk=invoice.pk).settle(timezone.now())
    assert Invoice.objects.get(pk=invoice.pk).paid_at == NOW


def test_paid_one_can_be_credited_and_keeps_when_it_was_paid(invoice):
    invoice.settle(NOW)
    assert invoice.credit()
    fresh = Invoice.objects.get(pk=invoice.pk)
    assert (fresh.state, fresh.paid_at) == (Invoice.State.CREDITED, NOW)


@pytest.mark.parametrize("table", ["billing_invoice", "billing_invoiceline"])
def test_nothing_is_deleted(invoice, table):
    assert refused(f"DELETE FROM {table}")


def test_no_line_changes(invoice):
    with pytest.raises(DatabaseError, match="does not change"), transaction.atomic():
        InvoiceLine.objects.filter(invoice=invoice, position=1).update(amount_minor=1)


@pytest.mark.parametrize("position", [0, 3])
def test_no_line_is_added(invoice, position):
    with pytest.raises(DatabaseError), transaction.atomic():
        InvoiceLine.objects.create(
            invoice=invoice, position=position, kind=LineKind.PLAN, unit_minor=1, amount_minor=1
        )


def test_nothing_is_replaced(invoice):
    """SQLite's REPLACE deletes without asking the trigger of deletes."""
    if connection.vendor != "sqlite":
        pytest.skip("SQLite's own way")
    for table in ("billing_invoice", "billing_invoiceline"):
        assert refused(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}")


@pytest.mark.django_db(transaction=True)
def test_table_with_invoices_is_not_emptied_at_once(request):
    request.getfixturevalue("invoice")
    if connection.vendor != "postgresql":
        pytest.skip("PostgreSQL's own way")
    assert refused("TRUNCATE billing_invoice, billing_invoiceline CASCADE")
    assert refused("TRUNCATE billing_invoiceline")


def test_models_refuse_before_the_database_does(invoice):
    line = invoice.lines.first()
    for act in (invoice.save, invoice.delete, line.save, line.delete):
        with pytest.raises(ImmutableInvoice):
            act()


@pytest.mark.django_db(transaction=True)
def test_database_of_a_test_that_issued_one_is_cleared(request):
    """What `invoices_go_with_their_test` is for; the next test finds no invoice."""
    request.getfixturevalue("outsider")
    request.getfixturevalue("invoice")
    assert Invoice.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_and_the_next_one_finds_none_and_cannot_delete_its_own(request):
    assert not Invoice.objects.exists()
    request.getfixturevalue("invoice")
    assert refused("DELETE FROM billing_invoice")
    assert cast.make_person().pk
