"""Invoices on the pages, and as files: what stands on them, in whose language, and for whom."""

import datetime as dt
import io

import pypdf
import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing import payments
from billing.catalogue import INDIVIDUAL, TEAM
from billing.gateways.offline import Offline
from billing.invoice_paper import file_of, paper_of
from billing.invoices import issue
from billing.lines import Line
from billing.models import Invoice, LineKind
from medimic.audit.log import SYSTEM
from tests import cast

pytestmark = pytest.mark.django_db

AT = dt.datetime(2026, 3, 5, 23, 30, tzinfo=dt.UTC)


@pytest.fixture
def buyer(db):
    return cast.make_person(
        "Bożena", "Kupiec", email="buyer@people.example", language="pl", date_locale="pl_PL"
    )


def buy(person, plan=INDIVIDUAL, *, at=AT, seats=1) -> Invoice:
    subscription = Offline().subscribe(person, plan, seats=seats, by=None, origin=SYSTEM, at=at)
    return subscription.invoices.get()


def charge(holder, count: int) -> None:
    """So many further invoices of a holder."""
    subscription = holder.subscriptions.get()
    for number in range(count):
        line = Line(LineKind.PLAN, 100 + number, 100 + number, data={"plan": subscription.plan_code})
        with transaction.atomic():
            issue(subscription, [line], at=timezone.now() - dt.timedelta(days=number))


def words(invoice: Invoice) -> str:
    reader = pypdf.PdfReader(io.BytesIO(file_of(invoice)))
    return " ".join(" ".join(page.extract_text() for page in reader.pages).replace("\xa0", " ").split())


class TestPaper:
    def test_holds_numbers_days_lines_and_the_total(self, buyer, settings):
        settings.BILLING_SELLER = "MediMic GmbH\nMusterstraße 1\n10115 Berlin"
        settings.BILLING_ACCOUNT = "MediMic GmbH\nIBAN: DE02 1203 0000 0000 2020 51"
        settings.TAX_RATE_BASIS_POINTS = 1900
        invoice = buy(buyer)
        invoice.language, invoice.locale = "en", "en_GB"
        text = words(invoice)
        for word in (
            f"Invoice {invoice.number}", "MediMic GmbH", "Musterstraße 1", "Bożena Kupiec",
            "buyer@people.example", "Individual plan", "5 Mar 2026 – 4 Apr 2026",
            "€29.00", "Tax 19%", "€5.51", "Total", "€34.51",
            "IBAN", "DE02 1203 0000 0000 2020 51", "Page 1 of 1",
        ):  # fmt: skip
            assert word in text

    def test_is_in_the_customer_s_language_and_form(self, buyer):
        invoice = buy(buyer)
        paper = paper_of(invoice)
        assert paper.language == "pl"
        assert paper.facts[1][1] == "5 mar 2026"
        assert paper.lines[0].amount.replace("\xa0", " ") == "29,00 €"
        root = pypdf.PdfReader(io.BytesIO(file_of(invoice))).trailer["/Root"]
        assert root["/Lang"] == "pl"

    def test_credit_note_names_the_invoice_that_it_corrects(self, outsider):
        subscription = outsider.subscriptions.get()
        line = Line(LineKind.PLAN, 2900, 2900, data={"plan": "individual"})
        invoice = issue(subscription, [line], at=AT)
        note = payments.credit(invoice, origin=SYSTEM, at=AT, reason="Ordered by mistake")
        text = words(note)
        assert f"Credit note {note.number}" in text
        assert f"It corrects invoice {invoice.number} of 5 Mar 2026." in text
        assert "Credit for: Individual plan" in text
        assert "-€29.00" in text

    def test_stays_the_same_file_after_it_is_paid(self, buyer):
        invoice = buy(buyer)
        before = file_of(invoice)
        payments.settle(invoice, origin=SYSTEM, at=timezone.now())
        assert file_of(Invoice.objects.get()) == before

    def test_name_of_the_customer_is_no_markup(self, clinic):
        clinic.subscriptions.update(bill_to_name='#panic("x") *Clinic*')
        line = Line(LineKind.PLAN, 4900, 4900, data={"plan": "team"})
        assert '#panic("x") *Clinic*' in words(issue(clinic.subscriptions.get(), [line], at=AT))

    def test_period_of_one_day_is_one_day(self, outsider):
        line = Line(
            LineKind.SEATS, 100, 3000, 1, dt.date(2026, 3, 5), dt.date(2026, 3, 6), data={"plan": "team"}
        )
        invoice = issue(outsider.subscriptions.get(), [line], at=AT)
        assert paper_of(invoice).lines[0].detail == "5 Mar 2026"


class TestPages:
    def test_last_ones_stand_on_the_billing_page_with_a_pdf_each(self, sign_in, outsider):
        charge(outsider, 7)
        page = sign_in(outsider).get("/billing/").content.decode()
        assert page.count("Download MM-") == 5
        assert "/billing/invoices/" in page

    def test_pdf_is_downloaded_under_its_number(self, sign_in, outsider):
        charge(outsider, 1)
        invoice = Invoice.objects.get()
        response = sign_in(outsider).get(f"/billing/invoices/{invoice.pk}/")
        assert response["Content-Type"] == "application/pdf"
        assert response["Content-Disposition"] == f'attachment; filename="{invoice.number}.pdf"'
        assert response.content.startswith(b"%PDF-")
        assert "no-store" in response["Cache-Control"]

    def test_all_of_them_page_by_page(self, sign_in, outsider):
        charge(outsider, 52)
        client = sign_in(outsider)
        first = client.get("/billing/invoices/")
        assert len(first.context["rows"]) == 50
        second = client.get(f"/billing/invoices/{first.context['page'].next_url}")
        assert len(second.context["rows"]) == 2
        numbers = [row.number for row in (*first.context["rows"], *second.context["rows"])]
        assert len(set(numbers)) == 52

    def test_how_each_stands_is_said_in_words(self, sign_in, outsider):
        charge(outsider, 20)
        newest = Invoice.objects.newest_first().first()
        payments.settle(newest, origin=SYSTEM, at=timezone.now())
        payments.credit(newest, origin=SYSTEM, at=timezone.now(), reason="A mistake")
        page = sign_in(outsider).get("/billing/invoices/").content.decode()
        for word in ("Credited", "To be given back", "Credit note", "Open", "Overdue", "due "):
            assert word in page

    def test_admin_reads_the_organization_s(self, sign_in, admin, provider, outsider, clinic):
        charge(clinic, 1)
        invoice = Invoice.objects.get()
        path = f"/organizations/{clinic.slug}/billing/invoices/"
        assert invoice.number in sign_in(admin).get(path).content.decode()
        assert sign_in(admin).get(f"{path}{invoice.pk}/").status_code == 200
        assert sign_in(provider).get(f"{path}{invoice.pk}/").status_code == 403
        assert sign_in(outsider).get(f"{path}{invoice.pk}/").status_code == 404

    def test_nobody_reads_another_s_below_their_own_address(self, sign_in, admin, outsider, clinic):
        charge(clinic, 1)
        charge(outsider, 1)
        of_clinic = Invoice.objects.get(organization=clinic)
        assert sign_in(outsider).get(f"/billing/invoices/{of_clinic.pk}/").status_code == 404
        assert sign_in(admin).get(f"/billing/invoices/{of_clinic.pk}/").status_code == 404
        theirs = Invoice.objects.get(person=outsider)
        path = f"/organizations/{clinic.slug}/billing/invoices/{theirs.pk}/"
        assert sign_in(admin).get(path).status_code == 404

    def test_patient_whose_plan_has_ended_still_finds_them(self, sign_in, patient):
        cast.subscribe(patient)
        charge(patient, 1)
        patient.subscriptions.update(ended_at=timezone.now())
        client = sign_in(patient)
        assert client.get("/billing/").url == "/billing/invoices/"
        assert "MM-" in client.get("/billing/invoices/").content.decode()

    @pytest.mark.parametrize("path", ["/billing/", "/billing/invoices/"])
    def test_many_cost_the_same_queries(self, sign_in, outsider, path):
        client = sign_in(outsider)

        def queries():
            with CaptureQueriesContext(connection) as captured:
                assert client.get(path).status_code == 200
            return len(captured)

        charge(outsider, 5)
        queries()
        few = queries()
        charge(outsider, 60)
        assert queries() == few


class TestStanding:
    def owe(self, holder, *, days: int) -> Invoice:
        subscription = holder.subscriptions.get()
        line = Line(LineKind.PLAN, 2900, 2900, data={"plan": subscription.plan_code})
        at = timezone.now() - dt.timedelta(days=days + 14)
        invoice = issue(subscription, [line], at=at)
        holder.subscriptions.update(past_due_since=invoice.due_at)
        return invoice

    def test_overdue_says_what_and_from_when_it_matters(self, sign_in, outsider):
        invoice = self.owe(outsider, days=3)
        client = sign_in(outsider)
        assert "A payment is overdue" in client.get("/").content.decode()
        page = client.get("/billing/").content.decode()
        assert "A payment is overdue" in page
        assert f"€29.00 of invoice {invoice.number} was due" in page
        assert "no new sessions and devices can be added" in page

    def test_read_only_says_what_still_works(self, sign_in, outsider):
        self.owe(outsider, days=15)
        page = sign_in(outsider).get("/billing/").content.decode()
        assert "No new sessions and devices until the invoice is paid" in page
        assert "Nothing is deleted" in page

    def test_paid_it_says_nothing_more(self, sign_in, outsider):
        invoice = self.owe(outsider, days=15)
        payments.settle(invoice, origin=SYSTEM, at=timezone.now())
        page = sign_in(outsider).get("/billing/").content.decode()
        assert "overdue" not in page.lower()

    def test_provider_of_the_organization_sees_no_invoice(self, sign_in, provider, clinic):
        invoice = self.owe(clinic, days=3)
        assert invoice.number not in sign_in(provider).get("/billing/").content.decode()


def test_organization_s_page_shows_that_organization_alone(sign_in, admin, clinic):
    other = cast.make_organization("Hill Hospital", TEAM)
    cast.join(other, admin, "admin")
    cast.subscribe(admin)
    page = sign_in(admin).get(f"/organizations/{clinic.slug}/billing/").content.decode()
    assert "Hill Hospital" not in page.partition("<section")[2]
    assert "Individual" not in page
    assert "Upgrade Plan" in page
