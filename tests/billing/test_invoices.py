"""Invoices and credit notes: lines that add up, and what they keep."""

import datetime as dt

import pytest
from django.db.models import Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing import invoices, payments
from billing.lines import Line
from billing.models import Invoice, LineKind, Subscription
from medimic.audit.log import SYSTEM
from medimic.audit.models import AuditEvent
from medimic.audit.presenters import sentence
from medimic.outbox.models import Delivery
from tests import cast
from tests.orgs import kit

pytestmark = pytest.mark.django_db
NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
few = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def subscription(outsider):
    return outsider.subscriptions.get()


@pytest.fixture
def clinics(clinic, admin):
    return clinic.subscriptions.get()


def line(amount, quantity=1):
    return Line(LineKind.PLAN, amount, amount, quantity, data={"plan": "individual"})


def issue(subscription, *amounts, rate=0, at=NOW):
    subscription.tax_basis_points = rate
    return invoices.issue(subscription, [line(amount) for amount in amounts], at=at)


def credit(invoice, net=None, at=NOW):
    fresh = Invoice.objects.get(pk=invoice.pk)
    return payments.credit(fresh, origin=SYSTEM, at=at, reason="Goodwill", net_minor=net)


def adds_up(invoice):
    return invoice.lines.aggregate(n=Sum("amount_minor"))["n"] == invoice.total_minor


class TestSums:
    @few
    @given(st.lists(st.integers(0, 1_000_000), min_size=1, max_size=6), st.integers(0, 3000))
    def test_of_lines_and_tax_are_the_total(self, subscription, amounts, rate):
        invoice = issue(subscription, *amounts, rate=rate)
        if not sum(amounts):
            assert invoice is None
            return
        assert adds_up(invoice)
        tax = invoice.lines.get(kind=LineKind.TAX)
        assert (tax.amount_minor, tax.data) == (invoice.tax_minor, {"rate": rate})
        assert invoice.net_minor == sum(amounts)

    @few
    @given(st.integers(1, 100_000), st.integers(0, 3000), st.lists(st.integers(1, 40_000), max_size=5))
    def test_of_credit_notes_are_what_the_invoice_was_and_never_more(self, subscription, net, rate, parts):
        invoice = issue(subscription, net, rate=rate)
        for part in parts:
            try:
                assert adds_up(credit(invoice, part))
            except invoices.NothingToCredit:
                continue
        given_back = invoice.credit_notes.aggregate(total=Sum("total_minor"), tax=Sum("tax_minor"))
        assert -(given_back["total"] or 0) <= invoice.total_minor
        assert -(given_back["tax"] or 0) <= invoice.tax_minor
        try:
            credit(invoice)
        except invoices.NothingToCredit:
            pass
        given_back = invoice.credit_notes.aggregate(total=Sum("total_minor"), tax=Sum("tax_minor"))
        assert given_back == {"total": -invoice.total_minor, "tax": -invoice.tax_minor}
        assert Invoice.objects.get(pk=invoice.pk).state == Invoice.State.CREDITED

    def test_below_nothing_are_refused(self, subscription):
        with pytest.raises(ValueError, match="give money back"):
            issue(subscription, -1)

    def test_tax_is_a_line_of_its_own_also_without_a_rate(self, subscription):
        assert issue(subscription, 100).lines.get(kind=LineKind.TAX).amount_minor == 0

    def test_half_a_cent_of_tax_goes_to_the_even_one(self, subscription):
        assert issue(subscription, 150, rate=100).tax_minor == 2
        assert issue(subscription, 250, rate=100).tax_minor == 2


class TestWhatIsKept:
    def test_stays_as_it_was_when_the_holder_changes(self, clinic, clinics, admin):
        invoice = issue(clinics, 4900)
        clinic.rename("Another Clinic")
        fresh = Invoice.objects.get(pk=invoice.pk)
        assert (fresh.bill_to_name, fresh.bill_to_email) == ("Lakeside Clinic", admin.email)
        assert credit(invoice).bill_to_name == "Lakeside Clinic"

    def test_is_written_as_the_holder_asked(self, clinics):
        Subscription.objects.filter(pk=clinics.pk).update(
            bill_to_name="Lakeside Trust", bill_to_address="1 Shore Road", bill_to_tax_id="GB123"
        )
        clinics.refresh_from_db()
        invoice = issue(clinics, 4900)
        assert invoice.bill_to_name == "Lakeside Trust"
        assert (invoice.bill_to_address, invoice.bill_to_tax_id) == ("1 Shore Road", "GB123")

    def test_is_in_the_customer_s_language(self, outsider, subscription):
        outsider.language, outsider.date_locale = "pl", "pl_PL"
        outsider.save()
        subscription.refresh_from_db()
        invoice = issue(subscription, 2900)
        assert (invoice.language, invoice.locale) == ("pl", "pl_PL")
        [mail] = kit.mails("billing.invoice")
        assert (mail["to"], mail["language"]) == (outsider.email, "pl")

    def test_names_the_account_to_pay_to(self, subscription, settings):
        settings.BILLING_ACCOUNT = "IBAN: DE00\nBIC: X"
        assert issue(subscription, 100).pay_to == "IBAN: DE00\nBIC: X"
        assert "IBAN: DE00" in kit.mails("billing.invoice")[0]["text"]

    def test_numbers_count_on_within_the_year_of_utc(self, subscription):
        late = dt.datetime(2027, 1, 1, 0, 30, tzinfo=dt.timezone(dt.timedelta(hours=2)))
        numbers = [issue(subscription, 100, at=at).number for at in (NOW, late, NOW.replace(year=2027))]
        assert numbers == ["MM-2026-000001", "MM-2026-000002", "MM-2027-000001"]


class TestCreditNotes:
    def test_have_a_series_of_their_own(self, subscription):
        assert credit(issue(subscription, 2900)).number == "MC-2026-000001"

    def test_of_an_unpaid_invoice_are_settled_at_once(self, subscription):
        note = credit(issue(subscription, 2900))
        assert note.state == Invoice.State.PAID

    def test_of_a_paid_one_are_open_until_the_money_is_back(self, subscription):
        invoice = issue(subscription, 2900)
        payments.settle(invoice, origin=SYSTEM, at=NOW)
        note = credit(invoice)
        assert note.state == Invoice.State.OPEN
        assert payments.settle(note, origin=SYSTEM, at=NOW, reason="Transferred")
        assert AuditEvent.objects.filter(kind="billing.refunded").count() == 1

    def test_over_a_part_leave_the_rest_to_be_paid(self, subscription):
        invoice = issue(subscription, 2900, rate=1900)
        credit(invoice, 900)
        assert Invoice.objects.owed().get(pk=invoice.pk).owed_minor == invoice.total_minor - 900 - 171

    def test_over_all_take_each_line_back(self, subscription):
        invoice = issue(subscription, 2900, 100, rate=1900)
        note = credit(invoice)
        amounts = [row.amount_minor for row in note.lines.all()]
        assert amounts == [-2900, -100, -570]
        assert [row.data.get("of") for row in note.lines.all()] == ["plan", "plan", None]

    def test_of_a_credit_note_there_is_none(self, subscription):
        note = credit(issue(subscription, 2900))
        with pytest.raises(invoices.NothingToCredit):
            credit(note)

    def test_and_their_reasons_are_on_record(self, outsider, subscription):
        invoice = issue(subscription, 2900)
        credit(invoice)
        row = AuditEvent.objects.get(kind="billing.credited")
        assert row.person_id == outsider.pk
        assert sentence(row) == (
            f"Credit note MC-2026-000001 over €29.00 was issued for invoice {invoice.number}: Goodwill"
        )


def test_nobody_without_an_address_is_written_to(db):
    person = cast.make_person(email=None)
    cast.subscribe(person)
    assert issue(person.subscriptions.get(), 2900).bill_to_email == ""
    assert not Delivery.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_outside_of_a_transaction_nothing_is_issued(outsider):
    with pytest.raises(RuntimeError):
        issue(outsider.subscriptions.get(), 2900)
    assert not Invoice.objects.exists()
