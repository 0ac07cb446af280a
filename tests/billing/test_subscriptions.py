"""The verbs of a subscription, through the gateway that writes invoices."""

import datetime as dt
import itertools

import pytest
from django.core.exceptions import PermissionDenied

from billing import past_due, payments, renewals, subscriptions
from billing.catalogue import ENTERPRISE, FREE_TRIAL, INDIVIDUAL, TEAM
from billing.entitlements import device_allowance, payer_for
from billing.gateways import current
from billing.gateways.offline import Offline
from billing.models import Invoice, LineKind, Subscription
from billing.usage import summary
from medimic.audit.log import SYSTEM, Origin
from medimic.audit.models import ActorKind, AuditEvent
from medimic.outbox.models import Delivery
from orgs.models import Membership
from tests import cast

pytestmark = pytest.mark.django_db

START = dt.datetime(2026, 1, 31, 15, 30, tzinfo=dt.UTC)
gateway = Offline()


def by(person):
    return {"by": person, "origin": Origin(ActorKind.PERSON, person.pk)}


def later(*, days=0):
    return START + dt.timedelta(days=days)


@pytest.fixture
def solo(db):
    """A provider without a plan."""
    return cast.make_person("Sol", "Solo")


@pytest.fixture
def group(db):
    """An organization without a plan: an admin and two providers."""
    organization = cast.make_organization("Seaside Group", plan=None)
    organization.admin = cast.make_person("Amy", "Admin")
    cast.join(organization, organization.admin, Membership.Role.ADMIN)
    organization.others = [cast.make_person(), cast.make_person()]
    for person in organization.others:
        cast.join(organization, person)
    return organization


@pytest.fixture
def on_individual(solo):
    return gateway.subscribe(solo, INDIVIDUAL, seats=1, **by(solo), at=START)


@pytest.fixture
def on_team(group):
    return gateway.subscribe(group, TEAM, seats=3, **by(group.admin), at=START)


def pay(at=START):
    for invoice in Invoice.objects.owed():
        assert payments.settle(invoice, origin=SYSTEM, at=at)


def kinds():
    """What was recorded of billing, oldest first."""
    rows = AuditEvent.objects.filter(kind__startswith="billing.").order_by("created_at")
    return list(rows.values_list("kind", flat=True))


class TestSubscribing:
    def test_takes_effect_at_once(self, solo, on_individual):
        assert device_allowance(solo).plan == INDIVIDUAL
        assert summary(payer_for(solo, None), at=START).quota == 200
        assert on_individual.period_end == dt.datetime(2026, 2, 28, tzinfo=dt.UTC)

    def test_is_charged_for_the_whole_period(self, on_individual):
        invoice = Invoice.objects.get()
        assert (invoice.number, invoice.total_minor, invoice.state) == ("MM-2026-000001", 2900, "open")
        assert invoice.due_at == later(days=14)
        assert [line.kind for line in invoice.lines.all()] == [LineKind.PLAN, LineKind.TAX]

    def test_is_on_record_and_told_by_mail(self, solo, on_individual):
        assert kinds() == ["billing.subscribed", "billing.invoice_issued"]
        assert AuditEvent.objects.filter(kind__startswith="billing.", person_id=solo.pk).count() == 2
        assert Delivery.objects.get(kind="billing.invoice").person_id == solo.pk

    def test_pays_a_seat_for_everybody_who_works_there(self, group):
        made = gateway.subscribe(group, TEAM, seats=1, **by(group.admin), at=START)
        assert made.seats == 3
        assert Invoice.objects.get().total_minor == 3 * TEAM.price_minor

    def test_a_second_time_is_refused(self, solo, on_individual):
        with pytest.raises(subscriptions.AlreadySubscribed):
            gateway.subscribe(solo, INDIVIDUAL, seats=1, **by(solo), at=later(days=1))
        assert Invoice.objects.count() == 1

    def test_to_a_plan_for_organizations_is_refused_to_a_person(self, solo):
        for plan in (TEAM, ENTERPRISE, FREE_TRIAL):
            with pytest.raises(subscriptions.NotOffered):
                gateway.subscribe(solo, plan, seats=1, **by(solo), at=START)

    def test_for_an_organization_is_an_admin_s(self, group):
        with pytest.raises(PermissionDenied):
            gateway.subscribe(group, TEAM, seats=3, **by(group.others[0]), at=START)
        assert not Subscription.objects.exists()

    def test_while_an_invoice_is_overdue_is_refused(self, solo, on_individual):
        gateway.cancel(on_individual, **by(solo), at=later(days=1))
        renewals.run(later(days=28))
        with pytest.raises(subscriptions.PaymentDue):
            gateway.subscribe(solo, INDIVIDUAL, seats=1, **by(solo), at=later(days=30))

    def test_that_cannot_be_recorded_did_not_happen(self, solo, monkeypatch):
        monkeypatch.setattr(subscriptions, "record", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            gateway.subscribe(solo, INDIVIDUAL, seats=1, **by(solo), at=START)
        assert not Subscription.objects.exists()
        assert not Invoice.objects.exists()


class TestUpgrading:
    def test_takes_effect_at_once_and_is_charged_by_the_day(self, group, on_team):
        pay()
        # 14 of the period's 28 days are left: 31 January to 27 February, and today is 14 February.
        changed = gateway.change(on_team, ENTERPRISE, **by(group.admin), at=later(days=14))
        assert changed.plan == ENTERPRISE
        assert changed.period_end == on_team.period_end
        invoice = Invoice.objects.order_by("number").last()
        amounts = [(line.kind, line.amount_minor) for line in invoice.lines.all()]
        assert amounts == [
            (LineKind.UNUSED, -3 * TEAM.price_minor // 2),
            (LineKind.REMAINING, 3 * ENTERPRISE.price_minor // 2),
            (LineKind.TAX, 0),
        ]

    def test_on_the_last_day_charges_one_day(self, group, on_team):
        pay()
        gateway.change(
            on_team, ENTERPRISE, **by(group.admin), at=dt.datetime(2026, 2, 27, 23, 59, tzinfo=dt.UTC)
        )
        invoice = Invoice.objects.order_by("number").last()
        day = [(p.price_minor * 3) - (p.price_minor * 3) * 27 // 28 for p in (ENTERPRISE, TEAM)]
        assert invoice.total_minor == day[0] - day[1]

    def test_takes_a_cancellation_back(self, group, on_team):
        gateway.cancel(on_team, **by(group.admin), at=later(days=1))
        changed = gateway.change(on_team, ENTERPRISE, **by(group.admin), at=later(days=2))
        assert not changed.cancel_at_period_end

    def test_to_the_same_plan_is_refused(self, group, on_team):
        with pytest.raises(subscriptions.AlreadyOnPlan):
            gateway.change(on_team, TEAM, **by(group.admin), at=later(days=2))

    def test_while_an_invoice_is_overdue_is_refused(self, group, on_team):
        with pytest.raises(subscriptions.PaymentDue):
            gateway.change(on_team, ENTERPRISE, **by(group.admin), at=later(days=14))

    def test_never_pays_out_where_the_agreed_price_was_higher(self, group, on_team):
        Subscription.objects.update(price_minor=2 * ENTERPRISE.price_minor)
        gateway.change(on_team, ENTERPRISE, **by(group.admin), at=later(days=2))
        assert Invoice.objects.count() == 1

    def test_keeps_what_was_used(self, group, on_team):
        assert summary(payer_for(group.admin, group), at=later(days=3)).quota == 3 * TEAM.session_quota
        gateway.change(on_team, ENTERPRISE, **by(group.admin), at=later(days=2))
        assert summary(payer_for(group.admin, group), at=later(days=3)).quota is None


class TestDowngrading:
    def test_waits_for_the_renewal(self, group):
        made = gateway.subscribe(group, ENTERPRISE, seats=3, **by(group.admin), at=START)
        chosen = gateway.change(made, TEAM, **by(group.admin), at=later(days=3))
        assert (chosen.plan, chosen.next_plan) == (ENTERPRISE, TEAM)
        assert Invoice.objects.count() == 1
        renewals.run(later(days=28))
        made.refresh_from_db()
        assert (made.plan, made.next_plan, made.price_minor) == (TEAM, None, TEAM.price_minor)
        assert Invoice.objects.order_by("number").last().total_minor == 3 * TEAM.price_minor
        assert kinds()[-3:] == ["billing.downgraded", "billing.renewed", "billing.invoice_issued"]

    def test_can_be_taken_back(self, group):
        made = gateway.subscribe(group, ENTERPRISE, seats=3, **by(group.admin), at=START)
        gateway.change(made, TEAM, **by(group.admin), at=later(days=3))
        assert gateway.resume(made, **by(group.admin), at=later(days=4)).next_plan is None

    def test_to_the_free_trial_is_a_cancellation(self, solo, on_individual):
        assert gateway.change(on_individual, FREE_TRIAL, **by(solo), at=later(days=3)).cancel_at_period_end


class TestCanceling:
    def test_ends_with_the_period(self, solo, on_individual):
        gateway.cancel(on_individual, **by(solo), at=later(days=3))
        renewals.run(later(days=27))
        assert device_allowance(solo).plan == INDIVIDUAL
        renewals.run(later(days=28))
        assert device_allowance(solo).plan == FREE_TRIAL
        on_individual.refresh_from_db()
        assert on_individual.ended_at == on_individual.period_end
        assert Invoice.objects.count() == 1
        assert Delivery.objects.filter(kind="billing.ended").count() == 1

    def test_twice_is_recorded_once(self, solo, on_individual):
        for _ in range(2):
            gateway.cancel(on_individual, **by(solo), at=later(days=3))
        assert kinds().count("billing.cancellation_chosen") == 1

    def test_can_be_taken_back(self, solo, on_individual):
        gateway.cancel(on_individual, **by(solo), at=later(days=3))
        assert not gateway.resume(on_individual, **by(solo), at=later(days=4)).cancel_at_period_end
        renewals.run(later(days=28))
        assert Invoice.objects.count() == 2

    def test_what_has_ended_is_refused(self, solo, on_individual):
        gateway.cancel(on_individual, **by(solo), at=later(days=3))
        renewals.run(later(days=28))
        with pytest.raises(subscriptions.Ended):
            gateway.resume(on_individual, **by(solo), at=later(days=29))


class TestSeats:
    def test_added_are_charged_by_the_day(self, group, on_team):
        pay()
        changed = gateway.set_seats(on_team, 5, **by(group.admin), at=later(days=14))
        assert changed.seats == 5
        line = Invoice.objects.order_by("number").last().lines.get(position=1)
        assert (line.kind, line.quantity, line.amount_minor) == (LineKind.SEATS, 2, TEAM.price_minor)

    def test_fewer_are_refused_until_the_renewal(self, group, on_team):
        with pytest.raises(subscriptions.NotOffered):
            gateway.set_seats(on_team, 2, **by(group.admin), at=later(days=3))

    def test_that_nobody_takes_go_at_the_renewal(self, group, on_team):
        gateway.set_seats(on_team, 5, **by(group.admin), at=later(days=3))
        group.memberships.get(person=group.others[0]).end()
        renewals.run(later(days=28))
        on_team.refresh_from_db()
        assert on_team.seats == 2
        assert Invoice.objects.order_by("number").last().total_minor == 2 * TEAM.price_minor

    def test_of_a_plan_without_them_are_refused(self, solo, on_individual):
        with pytest.raises(subscriptions.NotOffered):
            gateway.set_seats(on_individual, 2, **by(solo), at=START)


class TestPreview:
    def test_says_what_a_first_plan_costs(self, solo):
        quote = gateway.preview(solo, INDIVIDUAL, seats=1, at=START)
        assert (quote.due_minor, quote.next_minor) == (2900, 2900)
        assert quote.next_at == dt.datetime(2026, 2, 28, tzinfo=dt.UTC)

    def test_says_what_the_upgrade_then_charges(self, group, on_team, settings):
        at = later(days=9)
        Subscription.objects.update(tax_basis_points=1900)
        quote = gateway.preview(group, ENTERPRISE, seats=3, at=at)
        gateway.change(on_team, ENTERPRISE, **by(group.admin), at=at)
        invoice = Invoice.objects.order_by("number").last()
        assert (quote.due_minor, quote.tax_minor) == (invoice.total_minor, invoice.tax_minor)
        assert quote.effective_at == at
        renewals.run(quote.next_at)
        assert Invoice.objects.order_by("number").last().total_minor == quote.next_minor

    def test_says_what_more_seats_then_cost(self, group, on_team):
        quote = gateway.preview(group, TEAM, seats=4, at=later(days=9))
        gateway.set_seats(on_team, 4, **by(group.admin), at=later(days=9))
        assert Invoice.objects.order_by("number").last().total_minor == quote.due_minor

    def test_of_a_smaller_plan_charges_nothing_today(self, group):
        made = gateway.subscribe(group, ENTERPRISE, seats=3, **by(group.admin), at=START)
        quote = gateway.preview(group, TEAM, seats=3, at=later(days=3))
        assert (quote.due_minor, quote.lines, quote.effective_at) == (0, (), made.period_end)
        assert quote.next_minor == 3 * TEAM.price_minor


class TestAYear:
    def test_of_renewals_charges_twelve_periods_without_a_gap(self, solo, on_individual):
        """The clock turned in steps of seven hours, from 31 January on: months of every length."""
        at = START
        while at < START + dt.timedelta(days=364):
            renewals.run(at)
            past_due.run(at)
            pay(at)
            at += dt.timedelta(hours=7)
        lines = [i.lines.get(position=1) for i in Invoice.objects.order_by("number")]
        assert [line.period_start.isoformat()[5:] for line in lines] == [
            "01-31", "02-28", "03-31", "04-30", "05-31", "06-30",
            "07-31", "08-31", "09-30", "10-31", "11-30", "12-31",
        ]  # fmt: skip
        for before, after in itertools.pairwise(lines):
            assert before.period_end == after.period_start
        numbers = [i.number for i in Invoice.objects.order_by("number")]
        assert numbers == [f"MM-2026-{n:06}" for n in range(1, 13)]

    def test_after_which_the_worker_comes_back_is_charged_period_by_period(self, solo, on_individual):
        renewals.run(START + dt.timedelta(days=364))
        assert Invoice.objects.count() == 12
        assert renewals.run(START + dt.timedelta(days=364)) == 0
        assert set(Invoice.objects.values_list("total_minor", flat=True)) == {2900}

    def test_ends_and_numbers_begin_anew(self, solo):
        at = dt.datetime(2026, 12, 15, tzinfo=dt.UTC)
        gateway.subscribe(solo, INDIVIDUAL, seats=1, **by(solo), at=at)
        renewals.run(dt.datetime(2027, 1, 15, tzinfo=dt.UTC))
        assert list(Invoice.objects.order_by("number").values_list("number", flat=True)) == [
            "MM-2026-000001",
            "MM-2027-000001",
        ]


def test_without_keys_the_portal_writes_invoices():
    assert isinstance(current(), Offline)
    assert current().payment_method_url(cast.make_person(), return_url="/") is None
