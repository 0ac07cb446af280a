"""What support does about money: with a reason, once, and never where a gateway does it."""

import datetime as dt

import pytest
from django.urls import reverse
from django.utils import timezone

from billing import usage
from billing.entitlements import Payer
from billing.models import Invoice
from medimic.audit.models import AuditEvent
from tests.cast import make_organization, make_person

pytestmark = pytest.mark.django_db
REASON = "Statement 47 of 21 November"


@pytest.fixture
def newcomer(db):
    """Somebody on the Free Trial."""
    return make_person("Nora", "Newcomer")


@pytest.fixture
def invoice(newcomer):
    from billing import invoices, subscriptions
    from billing.catalogue import INDIVIDUAL
    from medimic.audit.log import SYSTEM

    at = timezone.now() - dt.timedelta(days=3)
    change = subscriptions.start(newcomer, INDIVIDUAL, seats=1, by=newcomer, origin=SYSTEM, at=at)
    return invoices.issue(change.subscription, change.lines, at=at)


def payment(row) -> str:
    return reverse("desk_payment", args=[row.pk])


def credit(row) -> str:
    return reverse("desk_credit", args=[row.pk])


def test_an_invoice_is_found_and_shows_its_lines_and_acts(desk, invoice, newcomer):
    for term in (invoice.number, invoice.number[:7], newcomer.email, str(invoice.subscription_id)):
        answer = desk.get("/admin/billing/invoice/", {"q": term})
        assert invoice in answer.context_data["cl"].result_list, term
    page = desk.get(f"/admin/billing/invoice/{invoice.pk}/change/").text
    for shown in (invoice.number, payment(invoice), credit(invoice)):
        assert shown in page
    assert AuditEvent.objects.filter(kind="desk.viewed", person_id=newcomer.pk).exists()
    page = desk.get(f"/admin/billing/subscription/{invoice.subscription_id}/change/").text
    assert f"/admin/billing/invoice/?q={invoice.subscription_id}" in page
    assert desk.get("/admin/billing/gatewayevent/", {"q": str(invoice.subscription_id)}).status_code == 200


def test_is_marked_as_paid_once_with_a_reason(desk, support, invoice, newcomer, sign_in):
    assert desk.post(payment(invoice), {"reason": ""}).status_code == 400
    assert desk.post(payment(invoice), {"reason": REASON}).status_code == 302
    assert Invoice.objects.get(pk=invoice.pk).state == Invoice.State.PAID
    assert "Nothing is to be paid" in desk.post(payment(invoice), {"reason": REASON}).text
    row = AuditEvent.objects.get(kind="billing.invoice_paid")
    assert (row.actor_kind, row.actor_id, row.person_id) == ("staff", support.pk, newcomer.pk)
    assert REASON in sign_in(newcomer).get("/settings/activity/").text


def test_is_credited_in_part_and_then_whole(desk, invoice):
    assert desk.post(credit(invoice), {"reason": REASON, "amount": "99999"}).status_code == 400
    assert desk.post(credit(invoice), {"reason": REASON, "amount": "1.50"}).status_code == 302
    assert -sum(note.net_minor for note in invoice.credit_notes.all()) == 150
    assert desk.post(credit(invoice), {"reason": REASON, "amount": ""}).status_code == 302
    assert -sum(note.net_minor for note in invoice.credit_notes.all()) == invoice.net_minor
    assert "nothing left" in desk.get(credit(invoice)).text
    assert AuditEvent.objects.filter(kind="billing.credited", actor_kind="staff").count() == 2


def test_what_a_gateway_collects_is_left_to_it(desk, invoice):
    # Nothing issued can be changed: this one is looked at as if it were another.
    from unittest import mock

    with mock.patch("medimic.desk.views_billing.GatewayName") as names:
        names.OFFLINE = "another"
        for address in (payment(invoice), credit(invoice)):
            assert "do it there" in desk.post(address, {"reason": REASON}).text
    assert Invoice.objects.get(pk=invoice.pk).state == Invoice.State.OPEN


@pytest.mark.parametrize("whose", ["person", "organization"])
def test_a_trial_is_extended(desk, newcomer, whose, sign_in):
    holder = newcomer if whose == "person" else make_organization("New", plan=None)
    payer = Payer(person_id=holder.pk) if whose == "person" else Payer(organization_id=holder.pk)
    address = reverse(f"desk_{whose}_sessions", args=[holder.pk])
    before = usage.summary(payer, at=timezone.now()).quota
    assert desk.post(address, {"sessions": "0", "reason": REASON}).status_code == 400
    assert desk.post(address, {"sessions": "5", "reason": REASON}).status_code == 302
    assert usage.summary(payer, at=timezone.now()).quota == before + 5
    row = AuditEvent.objects.get(kind="billing.sessions_granted")
    assert row.actor_kind == "staff"
    if whose == "person":
        assert REASON in sign_in(newcomer).get("/settings/activity/").text


def test_is_not_for_auditors(audit_desk, invoice, newcomer):
    for address in (payment(invoice), credit(invoice), reverse("desk_person_sessions", args=[newcomer.pk])):
        assert audit_desk.post(address, {"reason": REASON, "sessions": "5"}).status_code == 403
