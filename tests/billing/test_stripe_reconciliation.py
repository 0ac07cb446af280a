"""`manage.py reconcile_billing`: what events would have told, and what could not be told."""

import datetime as dt

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from billing.catalogue import ENTERPRISE, INDIVIDUAL, TEAM
from billing.gateways import stripe as gateways
from billing.gateways import stripe_charges, stripe_reconciliation
from billing.models import Invoice, Subscription
from medimic.audit.log import SYSTEM
from medimic.outbox import registry
from tests import cast
from tests.billing.stripe_kit import with_card

pytestmark = pytest.mark.django_db
GATEWAY = gateways.gateway()


def subscribe(holder, plan=INDIVIDUAL, number=1):
    return GATEWAY.subscribe(holder, plan, seats=number, by=None, origin=SYSTEM, at=timezone.now())


def report(**numbers):
    return stripe_reconciliation.Report(**numbers)


@pytest.fixture
def team(stripe):
    clinic = cast.make_organization(plan=None)
    with_card(stripe, clinic)
    return subscribe(clinic, TEAM, 2)


def there(stripe, subscription):
    return stripe.store.things[subscription.gateway_subscription]


def test_nothing_differs_and_nothing_is_asked_twice(stripe, team):
    before = len(stripe.seen)
    assert stripe_reconciliation.run() == report(compared=1)
    assert len(stripe.seen) - before == 1


def test_a_purchase_whose_answer_was_lost_is_found(stripe):
    person = cast.make_person()
    stripe_charges.create(with_card(stripe, person), INDIVIDUAL, 1, currency="EUR", basis_points=0)
    assert stripe_reconciliation.run().followed == 1
    assert Subscription.objects.get(person=person).plan == INDIVIDUAL
    assert Invoice.objects.get().total_minor == 2900


def test_a_renewal_that_nobody_told_of_is_followed(stripe, team):
    later = timezone.now() + dt.timedelta(days=32)
    stripe.turn_clock(later)
    assert stripe_reconciliation.run(later).followed == 1
    assert Invoice.objects.count() == 2
    assert stripe_reconciliation.run(later).followed == 0


def test_an_end_in_the_dashboard_is_followed(stripe, team):
    stripe.calls.subscriptions.cancel(there(stripe, team))
    assert stripe_reconciliation.run().followed == 1
    assert Subscription.objects.get().ended_at


def test_a_choice_in_the_dashboard_is_followed(stripe, team):
    there(stripe, team)["cancel_at_period_end"] = True
    stripe_reconciliation.run()
    assert Subscription.objects.get().cancel_at_period_end


def test_a_downgrade_that_did_not_reach_stripe_is_told(stripe, team):
    from billing import subscriptions

    GATEWAY.change(team, ENTERPRISE, by=None, origin=SYSTEM, at=timezone.now())
    subscriptions.downgrade(team, TEAM, by=None, origin=SYSTEM, at=timezone.now())
    assert stripe_reconciliation.run().told == 1
    assert there(stripe, team)["items"]["data"][0]["price"]["unit_amount"] == TEAM.price_minor
    assert Subscription.objects.get().plan == ENTERPRISE
    assert stripe_reconciliation.run().told == 0


def test_one_that_fails_leaves_the_others(stripe, team, monkeypatch):
    other = cast.make_organization(plan=None)
    with_card(stripe, other)
    second = subscribe(other, TEAM, 1)
    for one in (team, second):
        there(stripe, one)["cancel_at_period_end"] = True
    mirror = stripe_reconciliation.mirror

    def fails_for_the_first(customer, *, at):
        if customer.customer_id == team.gateway_customer:
            raise ValueError
        return mirror(customer, at=at)

    monkeypatch.setattr(stripe_reconciliation, "mirror", fails_for_the_first)
    found = stripe_reconciliation.run()
    assert (found.failed, found.followed) == (1, 1)
    second.refresh_from_db()
    assert second.cancel_at_period_end


def test_other_things_on_the_account_are_left(stripe, team):
    foreign = {**there(stripe, team), "id": "sub_foreign", "customer": "cus_foreign"}
    stripe.store.things["sub_foreign"] = foreign
    assert stripe_reconciliation.run() == report(compared=2, followed=0)


def test_command_says_what_it_did(stripe, team, capsys):
    call_command("reconcile_billing")
    assert "1 compared, 0 followed" in capsys.readouterr().out


def test_command_says_that_stripe_is_away(stripe, team):
    stripe.fail("unavailable", times=10)
    with pytest.raises(CommandError, match="Nothing is lost"):
        call_command("reconcile_billing")


def test_without_stripe_there_is_nothing_to_do(capsys):
    call_command("reconcile_billing")
    assert "not configured" in capsys.readouterr().out


def test_worker_runs_it():
    assert registry.job("billing.reconcile").every == stripe_reconciliation.EVERY
