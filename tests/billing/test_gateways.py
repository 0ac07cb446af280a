"""What every gateway does: one suite, and both of them run it."""

import datetime as dt
import itertools

import pytest
from django.core.exceptions import PermissionDenied

from billing import seats, subscriptions
from billing.catalogue import ENTERPRISE, FREE_TRIAL, INDIVIDUAL, TEAM
from billing.models import ImmutableInvoice, Invoice, LineKind, Status, Subscription
from medimic.audit.log import SYSTEM
from medimic.audit.models import AuditEvent
from orgs.models import Membership
from tests import cast
from tests.billing.gateway_rigs import OfflineRig, StripeRig, of

pytestmark = pytest.mark.django_db
START = dt.datetime(2026, 1, 31, 10, 30, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


@pytest.fixture(params=["offline", "stripe"])
def rig(request, settings):
    settings.TAX_RATE_BASIS_POINTS = 1900
    if request.param == "offline":
        return OfflineRig(START)
    return StripeRig(START, request.getfixturevalue("stripe"))


@pytest.fixture
def person(db, rig):
    found = cast.make_person()
    rig.ready(found)
    return found


@pytest.fixture
def clinic(db):
    """An organization without a plan, with an admin and two providers."""
    found = cast.make_organization(plan=None)
    cast.join(found, cast.make_person(), Membership.Role.ADMIN)
    cast.join(found, cast.make_person())
    cast.join(found, cast.make_person())
    return found


@pytest.fixture
def boss(clinic, rig):
    rig.ready(clinic)
    return clinic.memberships.admins().get().person


def acting(rig, by=None):
    return {"by": by, "origin": SYSTEM, "at": rig.now}


def subscribe(rig, holder, plan, number=1, by=None):
    return rig.gateway.subscribe(holder, plan, seats=number, **acting(rig, by))


def invoices(subscription):
    found = list(Invoice.objects.filter(subscription=subscription).order_by("issued_at", "number"))
    for invoice in found:
        assert sum(line.amount_minor for line in invoice.lines.all()) == invoice.total_minor
        [tax] = [line for line in invoice.lines.all() if line.kind == LineKind.TAX]
        assert tax.amount_minor == invoice.tax_minor
        assert invoice.state == (Invoice.State.PAID if invoice.paid_at else Invoice.State.OPEN)
    return found


def close(rig, one, other):
    return abs(one - other) <= 2 * rig.cents_off


class TestStarting:
    def test_works_at_once_and_costs_what_was_said(self, rig, person):
        quote = rig.gateway.preview(person, INDIVIDUAL, seats=1, at=rig.now)
        subscription = subscribe(rig, person, INDIVIDUAL)
        assert of(subscription).plan == INDIVIDUAL
        assert subscription.gateway == rig.name
        [invoice] = invoices(subscription)
        assert invoice.total_minor == quote.due_minor == 2900 + 551
        assert invoice.tax_minor == quote.tax_minor == 551
        assert bool(invoice.paid_at) == rig.is_paid_at_once
        assert subscription.period.first_day == dt.date(2026, 1, 31)
        assert subscription.period.end == quote.next_at == dt.datetime(2026, 2, 28, tzinfo=dt.UTC)

    def test_is_refused_to_whoever_has_a_plan(self, rig, person):
        subscribe(rig, person, INDIVIDUAL)
        with pytest.raises(subscriptions.AlreadySubscribed):
            subscribe(rig, person, INDIVIDUAL)
        assert Invoice.objects.count() == 1

    def test_takes_a_seat_for_everybody_who_works_there(self, rig, clinic, boss):
        subscription = subscribe(rig, clinic, TEAM, 1, by=boss)
        assert subscription.seats == 3
        [invoice] = invoices(subscription)
        assert invoice.net_minor == 3 * TEAM.price_minor

    def test_of_an_organization_is_for_its_admins(self, rig, clinic, boss):
        provider = clinic.memberships.exclude(role=Membership.Role.ADMIN).first().person
        with pytest.raises(PermissionDenied):
            subscribe(rig, clinic, TEAM, by=provider)
        assert not Subscription.objects.exists()
        assert not Invoice.objects.exists()

    def test_of_a_plan_for_others_is_refused(self, rig, person, clinic, boss):
        with pytest.raises(subscriptions.NotOffered):
            subscribe(rig, person, TEAM)
        with pytest.raises(subscriptions.NotOffered):
            subscribe(rig, clinic, INDIVIDUAL, by=boss)

    def test_is_on_record_once(self, rig, person):
        subscription = subscribe(rig, person, INDIVIDUAL)
        kinds = AuditEvent.objects.filter(person_id=person.pk, kind__startswith="billing.").values_list(
            "kind"
        )
        assert [kind for (kind,) in kinds.order_by("created_at")].count("billing.subscribed") == 1
        assert subscription.person_id == person.pk


class TestUpgrading:
    @pytest.fixture
    def team(self, rig, clinic, boss):
        found = subscribe(rig, clinic, TEAM, by=boss)
        rig.turn_to(START + 7 * DAY)
        return found

    def test_costs_the_difference_for_the_days_that_are_left_as_was_said(self, rig, team, clinic, boss):
        quote = rig.gateway.preview(clinic, ENTERPRISE, seats=3, at=rig.now)
        rig.gateway.change(team, ENTERPRISE, **acting(rig, boss))
        assert of(team).plan == ENTERPRISE
        assert of(team).price_minor == ENTERPRISE.price_minor
        assert of(team).period == team.period
        latest = invoices(team)[-1]
        assert latest.total_minor == quote.due_minor
        # 21 of 28 days, three seats, 99 in place of 49.
        assert close(rig, latest.net_minor, 3 * 5000 * 21 // 28)
        assert [line.kind for line in latest.lines.all()] == [
            LineKind.UNUSED,
            LineKind.REMAINING,
            LineKind.TAX,
        ]
        assert {line.period_start for line in latest.lines.all()[:2]} == {dt.date(2026, 2, 7)}

    def test_takes_back_that_it_was_to_end(self, rig, team, boss):
        rig.gateway.cancel(team, **acting(rig, boss))
        rig.gateway.change(of(team), ENTERPRISE, **acting(rig, boss))
        assert not of(team).cancel_at_period_end
        rig.turn_to(START + 35 * DAY)
        assert of(team).ended_at is None

    def test_to_what_it_is_is_refused(self, rig, team, boss):
        with pytest.raises(subscriptions.AlreadyOnPlan):
            rig.gateway.change(team, TEAM, **acting(rig, boss))

    def test_the_renewal_is_at_the_new_price(self, rig, team, boss):
        rig.gateway.change(team, ENTERPRISE, **acting(rig, boss))
        rig.turn_to(START + 30 * DAY)
        latest = invoices(team)[-1]
        assert latest.net_minor == 3 * ENTERPRISE.price_minor
        assert of(team).period.first_day == dt.date(2026, 2, 28)


class TestDowngrading:
    @pytest.fixture
    def enterprise(self, rig, clinic, boss):
        found = subscribe(rig, clinic, ENTERPRISE, by=boss)
        rig.turn_to(START + 7 * DAY)
        return found

    def test_costs_nothing_and_waits_for_the_renewal(self, rig, enterprise, clinic, boss):
        quote = rig.gateway.preview(clinic, TEAM, seats=3, at=rig.now)
        assert (quote.lines, quote.due_minor) == ((), 0)
        rig.gateway.change(enterprise, TEAM, **acting(rig, boss))
        assert of(enterprise).plan == ENTERPRISE
        assert of(enterprise).next_plan == TEAM
        assert len(invoices(enterprise)) == 1
        rig.turn_to(START + 30 * DAY)
        assert of(enterprise).plan == TEAM
        latest = invoices(enterprise)[-1]
        assert latest.total_minor == quote.next_minor
        assert latest.net_minor == 3 * TEAM.price_minor

    def test_is_taken_back_by_going_on(self, rig, enterprise, boss):
        rig.gateway.change(enterprise, TEAM, **acting(rig, boss))
        rig.gateway.resume(of(enterprise), **acting(rig, boss))
        assert of(enterprise).next_plan is None
        rig.turn_to(START + 30 * DAY)
        assert of(enterprise).plan == ENTERPRISE
        assert invoices(enterprise)[-1].net_minor == 3 * ENTERPRISE.price_minor

    def test_with_more_seats_meanwhile_charges_those_at_what_was_paid(self, rig, enterprise, boss):
        rig.gateway.change(enterprise, TEAM, **acting(rig, boss))
        rig.gateway.set_seats(of(enterprise), 5, **acting(rig, boss))
        assert close(rig, invoices(enterprise)[-1].net_minor, 2 * 9900 * 21 // 28)
        assert of(enterprise).next_plan == TEAM
        rig.turn_to(START + 30 * DAY)
        assert of(enterprise).plan == TEAM
        assert invoices(enterprise)[-1].net_minor == 3 * TEAM.price_minor

    def test_to_the_free_trial_ends_it(self, rig, enterprise, boss):
        rig.gateway.change(enterprise, FREE_TRIAL, **acting(rig, boss))
        rig.turn_to(START + 30 * DAY)
        assert of(enterprise).ended_at.date() == dt.date(2026, 2, 28)


class TestCanceling:
    def test_ends_with_the_period_and_charges_no_more(self, rig, person):
        subscription = subscribe(rig, person, INDIVIDUAL)
        rig.gateway.cancel(subscription, **acting(rig))
        assert of(subscription).ended_at is None
        rig.turn_to(START + 20 * DAY)
        assert of(subscription).ended_at is None
        rig.turn_to(START + 60 * DAY)
        assert of(subscription).ended_at is not None
        assert len(invoices(subscription)) == 1

    def test_can_be_taken_back(self, rig, person):
        subscription = subscribe(rig, person, INDIVIDUAL)
        rig.gateway.cancel(subscription, **acting(rig))
        rig.gateway.resume(of(subscription), **acting(rig))
        rig.turn_to(START + 40 * DAY)
        assert of(subscription).ended_at is None
        assert len(invoices(subscription)) == 2

    def test_twice_is_once(self, rig, person):
        subscription = subscribe(rig, person, INDIVIDUAL)
        for _ in range(2):
            rig.gateway.cancel(of(subscription), **acting(rig))
        assert AuditEvent.objects.filter(kind="billing.cancellation_chosen").count() == 1

    def test_one_can_start_anew_afterwards(self, rig, person):
        first = subscribe(rig, person, INDIVIDUAL)
        rig.gateway.cancel(first, **acting(rig))
        rig.turn_to(START + 30 * DAY)
        second = subscribe(rig, person, INDIVIDUAL)
        assert second.pk != first.pk
        assert second.period.first_day == rig.now.date()


class TestSeats:
    @pytest.fixture
    def team(self, rig, clinic, boss):
        found = subscribe(rig, clinic, TEAM, by=boss)
        rig.turn_to(START + 14 * DAY)
        return found

    def test_more_cost_their_part_of_the_period_as_was_said(self, rig, team, clinic, boss):
        quote = rig.gateway.preview(clinic, TEAM, seats=5, at=rig.now)
        rig.gateway.set_seats(team, 5, **acting(rig, boss))
        assert of(team).seats == 5
        latest = invoices(team)[-1]
        assert latest.total_minor == quote.due_minor
        assert close(rig, latest.net_minor, 2 * 4900 * 14 // 28)

    def test_as_many_as_there_are_cost_nothing_and_fewer_are_refused(self, rig, team, boss):
        rig.gateway.set_seats(team, 3, **acting(rig, boss))
        with pytest.raises(subscriptions.NotOffered):
            rig.gateway.set_seats(team, 2, **acting(rig, boss))
        assert len(invoices(team)) == 1

    def test_one_claimed_by_a_newcomer_is_charged_once(
        self, rig, team, clinic, django_capture_on_commit_callbacks
    ):
        with django_capture_on_commit_callbacks(execute=True):
            cast.join(clinic, cast.make_person())
            clinic.lock()
            assert seats.claim(clinic, may_add=True, origin=SYSTEM, at=rig.now) == 1
        assert of(team).seats == 4
        rig.turn_to(START + 16 * DAY)
        found = invoices(team)
        assert len(found) == 2
        assert close(rig, found[-1].net_minor, 4900 * 14 // 28)

    def test_that_nobody_takes_go_at_the_renewal(self, rig, team, clinic):
        clinic.memberships.exclude(role=Membership.Role.ADMIN).first().delete()
        rig.turn_to(START + 30 * DAY)
        assert of(team).seats == 2
        assert invoices(team)[-1].net_minor == 2 * TEAM.price_minor


class TestRenewing:
    def test_for_a_year_charges_each_month_once_on_the_anchors_day(self, rig, person):
        subscription = subscribe(rig, person, INDIVIDUAL)
        rig.turn_to(START + 365 * DAY, step=9 * DAY)
        found = invoices(subscription)
        assert len(found) == 13
        assert {invoice.net_minor for invoice in found} == {2900}
        days = [(line.period_start, line.period_end) for i in found for line in i.lines.all()[:1]]
        assert days[0] == (dt.date(2026, 1, 31), dt.date(2026, 2, 28))
        assert all(end == start for (_, end), (start, _) in itertools.pairwise(days))
        assert days[-1][0] == dt.date(2027, 1, 31)
        for year in ("2026", "2027"):
            numbers = sorted(i.number for i in found if i.number.startswith(f"MM-{year}"))
            assert numbers == [f"MM-{year}-{n:06}" for n in range(1, len(numbers) + 1)]

    def test_leaves_invoices_that_nobody_changes(self, rig, person):
        [invoice] = invoices(subscribe(rig, person, INDIVIDUAL))
        invoice.total_minor = 1
        with pytest.raises(ImmutableInvoice):
            invoice.save()


class TestNotPaying:
    def test_is_past_due_then_read_only_and_lifted_at_once_by_paying(self, rig, person):
        subscription = subscribe(rig, person, INDIVIDUAL)
        rig.turn_to(START + 3 * DAY)
        rig.stop_paying()
        rig.turn_to(START + 29 * DAY)
        rig.turn_to(START + 44 * DAY)
        found = of(subscription)
        assert found.past_due_since is not None
        assert found.status(found.past_due_since + 13 * DAY) is Status.PAST_DUE
        assert found.status(found.past_due_since + 14 * DAY) is Status.READ_ONLY
        with pytest.raises(subscriptions.PaymentDue):
            subscriptions.refuse_overdue(person, rig.now)
        rig.pay_all()
        assert of(subscription).status(rig.now) is Status.ACTIVE

    def test_refuses_to_grow_before_anything_is_charged(self, rig, clinic, boss):
        team = subscribe(rig, clinic, TEAM, by=boss)
        rig.turn_to(START + 3 * DAY)
        rig.stop_paying()
        rig.turn_to(START + 60 * DAY)
        before = Invoice.objects.count()
        with pytest.raises(subscriptions.PaymentDue):
            rig.gateway.change(of(team), ENTERPRISE, **acting(rig, boss))
        with pytest.raises(subscriptions.PaymentDue):
            rig.gateway.set_seats(of(team), 9, **acting(rig, boss))
        assert Invoice.objects.count() == before
        assert of(team).plan == TEAM
