"""Fifty at once, with the naive way as control: one that reads, thinks and then writes."""

import datetime as dt
import threading
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction
from django.db.models import Sum
from django.utils import timezone

from billing import invoices, payments, renewals, subscriptions, usage
from billing.catalogue import ENTERPRISE, INDIVIDUAL, TEAM
from billing.entitlements import payer_for
from billing.gateways.offline import Offline
from billing.lines import Line
from billing.models import Invoice, LineKind, SessionUse, Subscription, UsagePeriod
from billing.seats import NoSeat
from medimic.audit.log import SYSTEM
from medimic.flows import memberships
from medimic.outbox.models import Delivery
from medimic.problems import Problem
from orgs import invitations
from orgs.invitations import Wish
from orgs.models import Membership
from sessions_app import visits
from sessions_app.visits import Wanted
from tests import cast
from tests.devices.kit import sign_in_device
from tests.orgs import kit

pytestmark = pytest.mark.django_db(transaction=True)
AT_ONCE = 50
NAIVE = 8
REFUSALS = (subscriptions.NotPossible, NoSeat, invoices.NothingToCredit, usage.QuotaExceeded)


def race(act, number: int = AT_ONCE) -> Counter:
    """How often each outcome came of so many threads that start at the same instant."""
    start = threading.Barrier(number)

    def run(index: int) -> str:
        try:
            start.wait()
            return "won" if act(index) is not False else "lost"
        except Problem as problem:
            return problem.code
        except REFUSALS as refusal:
            return type(refusal).__name__
        finally:
            connection.close()

    with ThreadPoolExecutor(number) as pool:
        return Counter(pool.map(run, range(number)))


def numbers() -> list[int]:
    return sorted(int(number[-6:]) for number in Invoice.objects.values_list("number", flat=True))


def without_gaps() -> bool:
    found = numbers()
    return found == list(range(1, len(found) + 1))


@pytest.fixture
def group(db):
    organization = cast.make_organization("Seaside Group", plan=None)
    organization.admin = cast.make_person("Amy", "Admin")
    cast.join(organization, organization.admin, Membership.Role.ADMIN)
    return organization


@pytest.fixture
def on_team(group):
    return Offline().subscribe(group, TEAM, seats=1, by=group.admin, origin=SYSTEM, at=timezone.now())


class TestUpgrades:
    def test_fifty_first_ones_make_one_subscription_and_one_invoice(self):
        person, now = cast.make_person(), timezone.now()
        outcome = race(
            lambda _: Offline().subscribe(person, INDIVIDUAL, seats=1, by=person, origin=SYSTEM, at=now)
        )
        assert outcome == {"won": 1, "AlreadySubscribed": AT_ONCE - 1}
        assert Subscription.objects.count() == Invoice.objects.count() == 1

    def test_fifty_from_one_plan_to_the_next_are_charged_once(self, group, on_team):
        now = timezone.now()
        outcome = race(lambda _: Offline().change(on_team, ENTERPRISE, by=group.admin, origin=SYSTEM, at=now))
        assert outcome == {"won": 1, "AlreadyOnPlan": AT_ONCE - 1}
        assert Invoice.objects.count() == 2
        assert Invoice.objects.aggregate(n=Sum("total_minor"))["n"] == ENTERPRISE.price_minor

    def test_read_and_then_written_would_charge_several(self, group, on_team):
        all_have_read = threading.Barrier(NAIVE)

        def naive(_):
            found = Subscription.objects.get(pk=on_team.pk)
            if found.plan == ENTERPRISE:
                raise subscriptions.AlreadyOnPlan
            all_have_read.wait()
            with transaction.atomic():
                found.plan_code = ENTERPRISE.code
                found.save()
                line = Line(LineKind.REMAINING, 5000, 5000, data={"plan": ENTERPRISE.code})
                invoices.issue(found, [line], at=timezone.now())

        assert race(naive, NAIVE) == {"won": NAIVE}
        assert Invoice.objects.count() == 1 + NAIVE

    def test_fifty_workers_renew_once(self, on_team):
        at = on_team.period_end + dt.timedelta(hours=1)
        race(lambda _: renewals.run(at))
        assert Invoice.objects.count() == 2


class TestLastSeat:
    """Through the accepting flow: twenty invited, one paid seat left."""

    def invited(self, group, adds_seat: bool = False):
        people, tokens = [], []
        for number in range(20):
            person = cast.make_person(f"Guest{number}")
            with transaction.atomic():
                invitations.invite(
                    organization=group,
                    wish=Wish(person.email, Membership.Role.PROVIDER, adds_seat=adds_seat),
                    by=group.admin,
                    origin=SYSTEM,
                )
            people.append(person)
            tokens.append(kit.mailed_token())
        return people, tokens

    def accepting(self, group, **how):
        people, tokens = self.invited(group, **how)
        return lambda i: memberships.accept(token=tokens[i], person=people[i], origin=SYSTEM)

    def test_goes_to_one_of_twenty(self, group, on_team):
        Offline().set_seats(on_team, 2, by=group.admin, origin=SYSTEM, at=timezone.now())
        outcome = race(self.accepting(group), 20)
        assert outcome == {"won": 1, "NoSeat": 19}
        assert subscriptions.working_members(group) == 2
        assert Invoice.objects.count() == 2
        assert group.invitations.open().count() == 19

    def test_is_followed_by_paid_ones_where_that_was_agreed(self, group, on_team):
        outcome = race(self.accepting(group, adds_seat=True), 20)
        assert outcome == {"won": 20}
        on_team.refresh_from_db()
        assert on_team.seats == subscriptions.working_members(group) == 21
        # The rest of today's period, a whole one: whatever the order, 21 seats are paid.
        assert Invoice.objects.aggregate(n=Sum("total_minor"))["n"] == 21 * TEAM.price_minor
        assert without_gaps()

    def test_counted_without_the_lock_it_would_go_to_several(self, group, on_team):
        people = [cast.make_person(f"Guest{number}") for number in range(NAIVE)]
        Subscription.objects.update(seats=2)
        all_have_counted = threading.Barrier(NAIVE)

        def naive(index):
            free = Subscription.objects.get(pk=on_team.pk).seats - subscriptions.working_members(group)
            all_have_counted.wait()
            if free < 1:
                raise NoSeat
            cast.join(group, people[index])

        assert race(naive, NAIVE) == {"won": NAIVE}
        assert subscriptions.working_members(group) > 2


class TestLastSession:
    def at_quota_minus_one(self, person):
        payer = payer_for(person, None)
        with transaction.atomic():
            usage.charge(uuid.uuid4(), payer, at=timezone.now())
        UsagePeriod.objects.filter(person=person).update(used=INDIVIDUAL.session_quota - 1)
        return payer

    def test_goes_to_one_of_fifty_starts(self, outsider):
        self.at_quota_minus_one(outsider)
        device = sign_in_device(outsider).authorization
        wanted = Wanted("", "shared_device", chooses_organization=True)
        outcome = race(lambda _: visits.start(wanted, authorization=device, origin=SYSTEM))
        assert outcome == {"won": 1, "quota_exceeded": AT_ONCE - 1}
        assert UsagePeriod.objects.get(person=outsider).used == INDIVIDUAL.session_quota
        assert SessionUse.objects.filter(period__person=outsider).count() == 2

    def test_and_eighty_percent_is_told_once(self, outsider):
        payer = self.at_quota_minus_one(outsider)
        UsagePeriod.objects.update(used=INDIVIDUAL.session_quota * 4 // 5 - 10)

        def charge(_):
            with transaction.atomic():
                usage.charge(uuid.uuid4(), payer, at=timezone.now())

        assert race(charge) == {"won": AT_ONCE}
        assert Delivery.objects.filter(kind="billing.nearly_used", person_id=outsider.pk).count() == 1


class TestInvoices:
    def test_fifty_at_once_are_numbered_without_a_gap(self):
        people = [cast.make_person(f"Payer{number}") for number in range(AT_ONCE)]
        now = timezone.now()
        outcome = race(
            lambda i: Offline().subscribe(people[i], INDIVIDUAL, seats=1, by=people[i], origin=SYSTEM, at=now)
        )
        assert outcome == {"won": AT_ONCE}
        assert len(numbers()) == AT_ONCE
        assert without_gaps()

    def test_those_that_are_undone_leave_no_gap(self):
        people = [cast.make_person(f"Payer{number}") for number in range(AT_ONCE)]
        now = timezone.now()

        class Undone(subscriptions.NotPossible):
            pass

        def act(index):
            with transaction.atomic():
                Offline().subscribe(
                    people[index], INDIVIDUAL, seats=1, by=people[index], origin=SYSTEM, at=now
                )
                if index % 3 == 0:
                    raise Undone

        outcome = race(act)
        assert outcome == {"won": 33, "Undone": 17}
        assert len(numbers()) == 33
        assert without_gaps()

    def test_numbered_by_counting_them_would_collide(self):
        all_have_counted = threading.Barrier(NAIVE)
        taken = []

        def naive(_):
            number = Invoice.objects.count() + 1
            all_have_counted.wait()
            taken.append(number)

        race(naive, NAIVE)
        assert len(set(taken)) == 1

    def test_one_is_paid_once_by_fifty(self, on_team):
        invoice = Invoice.objects.get()
        outcome = race(
            lambda _: payments.settle(Invoice.objects.get(pk=invoice.pk), origin=SYSTEM, at=timezone.now())
        )
        assert outcome == {"won": 1, "lost": AT_ONCE - 1}

    def test_no_more_is_credited_than_was_charged(self, on_team):
        """Each asks for a tenth: ten get it."""
        invoice = Invoice.objects.get()

        def credit(_):
            payments.credit(
                Invoice.objects.get(pk=invoice.pk),
                origin=SYSTEM,
                at=timezone.now(),
                reason="Goodwill",
                net_minor=TEAM.price_minor // 10,
            )

        assert race(credit) == {"won": 10, "NothingToCredit": AT_ONCE - 10}
        assert Invoice.objects.aggregate(n=Sum("total_minor"))["n"] == 0
        assert Invoice.objects.get(pk=invoice.pk).state == Invoice.State.CREDITED
