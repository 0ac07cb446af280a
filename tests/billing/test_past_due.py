"""Who does not pay: mails on days 0, 7 and 13, read-only after 14, and all as before once they pay."""

import datetime as dt
import json
import uuid

import pytest
from django.db import transaction

from billing import past_due, payments, renewals, standing
from billing.catalogue import INDIVIDUAL, TEAM
from billing.entitlements import guest_payer, payer_for
from billing.gateways.offline import Offline
from billing.models import Invoice, Status, Subscription
from billing.money import money
from billing.standing import PaymentRequired
from billing.usage import charge
from medimic.audit.log import SYSTEM
from medimic.audit.models import AuditEvent
from medimic.outbox import registry
from medimic.outbox.models import Delivery
from orgs.models import Membership
from tests import cast

pytestmark = pytest.mark.django_db

START = dt.datetime(2026, 1, 5, 9, tzinfo=dt.UTC)
# An invoice is due after 14 days, and from then on there are 14 days of grace.
DUE = START + dt.timedelta(days=14)
READ_ONLY = DUE + dt.timedelta(days=14)


@pytest.fixture
def solo(db):
    person = cast.make_person("Sol", "Solo")
    Offline().subscribe(person, INDIVIDUAL, seats=1, by=person, origin=SYSTEM, at=START)
    return person


def subscription():
    return Subscription.objects.get()


def mails(kind="billing.past_due"):
    return Delivery.objects.filter(kind=kind).count()


def start_session(payer, at):
    with transaction.atomic():
        charge(uuid.uuid4(), payer, at=at)


def turn_the_clock(until, *, by=dt.timedelta(hours=5)):
    at = START
    while at <= until:
        past_due.run(at)
        at += by


class TestMails:
    def test_go_out_on_days_0_7_and_13_once_each(self, solo):
        seen = []
        at, last = START, 0
        while at < READ_ONLY + dt.timedelta(days=20):
            past_due.run(at)
            if mails() > last:
                seen.append((at - DUE).days)
                last = mails()
            at += dt.timedelta(hours=3)
        assert seen == [0, 7, 13]

    def test_and_the_page_name_what_is_left_of_one_that_was_partly_credited(self, solo, sign_in):
        invoice = Invoice.objects.get()
        payments.credit(invoice, origin=SYSTEM, at=START, reason="Goodwill", net_minor=900)
        past_due.run(DUE)
        left = money(invoice.total_minor - 900, invoice.currency, solo.date_locale)
        assert (
            f"{invoice.number}: {left}"
            in json.loads(Delivery.objects.get(kind="billing.past_due").body)["text"]
        )
        assert (
            f"{left} of invoice {invoice.number} was due" in sign_in(solo).get("/billing/").content.decode()
        )

    def test_of_days_that_were_missed_are_left_out(self, solo):
        past_due.run(DUE + dt.timedelta(days=8))
        past_due.run(DUE + dt.timedelta(days=9))
        assert mails() == 1
        assert subscription().reminded_day == 7

    def test_are_not_sent_to_somebody_who_has_paid(self, solo):
        payments.settle(Invoice.objects.get(), origin=SYSTEM, at=START)
        turn_the_clock(READ_ONLY)
        assert mails() == 0

    def test_about_an_organization_go_to_its_admins_alone(self, db):
        group = cast.make_organization("Seaside Group", plan=None)
        admins = [cast.make_person(), cast.make_person()]
        for person in admins:
            cast.join(group, person, Membership.Role.ADMIN)
        cast.join(group, cast.make_person())
        Offline().subscribe(group, TEAM, seats=3, by=admins[0], origin=SYSTEM, at=START)
        past_due.run(DUE)
        told = Delivery.objects.filter(kind="billing.past_due").values_list("person_id", flat=True)
        assert set(told) == {person.pk for person in admins}

    def test_that_wait_while_somebody_pays_are_not_sent(self, solo):
        past_due.run(DUE)
        assert registry.is_wanted("billing.past_due", solo.pk)
        payments.settle(Invoice.objects.get(), origin=SYSTEM, at=DUE)
        assert not registry.is_wanted("billing.past_due", solo.pk)

    def test_begin_anew_with_the_next_invoice(self, solo):
        turn_the_clock(DUE + dt.timedelta(days=8))
        payments.settle(Invoice.objects.get(), origin=SYSTEM, at=DUE + dt.timedelta(days=8))
        renewals.run(START + dt.timedelta(days=31))
        past_due.run(START + dt.timedelta(days=31 + 14))
        assert mails() == 3


class TestStanding:
    def test_is_active_until_the_invoice_is_due(self, solo):
        past_due.run(DUE - dt.timedelta(minutes=1))
        assert subscription().status(DUE - dt.timedelta(minutes=1)) is Status.ACTIVE

    def test_is_past_due_for_fourteen_days_and_then_read_only(self, solo):
        past_due.run(DUE + dt.timedelta(hours=3))
        found = subscription()
        assert found.past_due_since == DUE
        assert found.status(READ_ONLY - dt.timedelta(seconds=1)) is Status.PAST_DUE
        assert found.status(READ_ONLY) is Status.READ_ONLY

    def test_read_only_needs_no_job_to_begin(self, solo):
        past_due.run(DUE)
        payer = payer_for(solo, None)
        assert standing.may_grow(payer, at=READ_ONLY - dt.timedelta(seconds=1))
        assert not standing.may_grow(payer, at=READ_ONLY)

    def test_read_only_refuses_a_session_with_402(self, solo):
        past_due.run(DUE)
        start_session(payer_for(solo, None), READ_ONLY - dt.timedelta(seconds=1))
        with pytest.raises(PaymentRequired) as refused:
            start_session(payer_for(solo, None), READ_ONLY)
        assert (refused.value.status, refused.value.code) == (402, "payment_required")

    def test_guests_and_people_without_a_plan_are_never_past_due(self, db):
        for payer in (guest_payer("f" * 64), payer_for(cast.make_person(), None)):
            assert standing.status_of(payer, at=READ_ONLY) is Status.ACTIVE

    def test_is_on_record(self, solo):
        past_due.run(DUE)
        payments.settle(Invoice.objects.get(), origin=SYSTEM, at=DUE)
        kinds = AuditEvent.objects.filter(kind__startswith="billing.").order_by("created_at")
        assert list(kinds.values_list("kind", flat=True))[-3:] == [
            "billing.past_due",
            "billing.invoice_paid",
            "billing.past_due_lifted",
        ]


class TestPaying:
    def test_lifts_it_at_once(self, solo):
        turn_the_clock(READ_ONLY)
        at = READ_ONLY + dt.timedelta(days=1)
        assert payments.settle(Invoice.objects.get(), origin=SYSTEM, at=at)
        start_session(payer_for(solo, None), at)
        assert subscription().status(at) is Status.ACTIVE
        assert mails("billing.lifted") == 1

    def test_one_of_two_overdue_invoices_does_not_lift_it(self, solo):
        Offline().cancel(subscription(), by=solo, origin=SYSTEM, at=START)
        Offline().resume(subscription(), by=solo, origin=SYSTEM, at=START)
        renewals.run(START + dt.timedelta(days=31))
        at = START + dt.timedelta(days=31 + 14)
        past_due.run(at)
        first, second = Invoice.objects.order_by("number")
        payments.settle(first, origin=SYSTEM, at=at)
        assert subscription().past_due_since == second.due_at
        payments.settle(second, origin=SYSTEM, at=at)
        assert subscription().past_due_since is None

    def test_twice_counts_once(self, solo):
        invoice = Invoice.objects.get()
        assert payments.settle(invoice, origin=SYSTEM, at=START)
        assert not payments.settle(Invoice.objects.get(), origin=SYSTEM, at=START)

    def test_a_credit_over_all_of_it_lifts_it_too(self, solo):
        past_due.run(DUE)
        payments.credit(Invoice.objects.get(), origin=SYSTEM, at=READ_ONLY, reason="A mistake of ours")
        assert subscription().past_due_since is None

    def test_after_months_of_read_only_charges_the_rest_of_the_present_period(self, solo):
        past_due.run(DUE)
        renewals.run(READ_ONLY + dt.timedelta(days=40))
        assert Invoice.objects.count() == 1
        at = dt.datetime(2026, 4, 20, 12, tzinfo=dt.UTC)
        payments.settle(Invoice.objects.get(), origin=SYSTEM, at=at)
        second = Invoice.objects.order_by("number").last()
        line = second.lines.get(position=1)
        assert (line.period_start, line.period_end) == (dt.date(2026, 4, 20), dt.date(2026, 5, 5))
        # 15 of 30 days.
        assert line.amount_minor == INDIVIDUAL.price_minor // 2
        assert renewals.run(at) == 0

    def test_what_was_cancelled_ends_even_while_read_only(self, solo):
        Offline().cancel(subscription(), by=solo, origin=SYSTEM, at=START)
        past_due.run(DUE)
        renewals.run(READ_ONLY + dt.timedelta(days=40))
        assert subscription().ended_at == dt.datetime(2026, 2, 5, tzinfo=dt.UTC)
