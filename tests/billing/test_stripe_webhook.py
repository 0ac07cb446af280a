"""`/billing/webhooks/stripe/`: what comes twice, late, out of order, forged or all at once."""

import random
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from billing.catalogue import ENTERPRISE, INDIVIDUAL, TEAM
from billing.gateways import stripe as gateways
from billing.gateways.stripe_remote import Remote
from billing.models import GatewayCustomer, GatewayEvent, Invoice, Subscription
from medimic.audit.log import SYSTEM
from medimic.audit.models import AuditEvent
from tests import cast
from tests.billing.stripe_kit import WEBHOOK, deliver, deliver_all, with_card

GATEWAY = gateways.gateway()


def subscribe(holder, plan=INDIVIDUAL, number=1):
    return GATEWAY.subscribe(holder, plan, seats=number, by=None, origin=SYSTEM, at=timezone.now())


def bought_there(stripe, holder, plan=INDIVIDUAL, number=1):
    """A subscription that Stripe knows of and we do not: the answer was lost, and the person went away."""
    customer = with_card(stripe, holder)
    from billing.gateways import stripe_charges

    stripe_charges.create(customer, plan, number, currency="EUR", basis_points=0)
    assert not Subscription.objects.exists()
    return customer


@pytest.fixture
def person(db):
    return cast.make_person()


@pytest.mark.django_db
class TestOne:
    def test_is_acted_upon_and_stored(self, stripe, person):
        bought_there(stripe, person)
        [event] = stripe.events("customer.subscription.created")
        assert deliver(stripe, event).status_code == 200
        subscription = Subscription.objects.get(person=person)
        assert subscription.plan == INDIVIDUAL
        assert Invoice.objects.get().total_minor == 2900
        stored = GatewayEvent.objects.get(event_id=event["id"])
        assert (stored.kind, stored.subscription) == ("customer.subscription.created", subscription)
        assert stored.handled_at

    def test_sent_again_does_nothing_and_asks_nothing(self, stripe, person):
        bought_there(stripe, person)
        event = stripe.events("invoice.paid")[0]
        deliver(stripe, event)
        before = (len(stripe.seen), AuditEvent.objects.count(), Invoice.objects.count())
        for _ in range(3):
            assert deliver(stripe, event).status_code == 200
        assert (len(stripe.seen), AuditEvent.objects.count(), Invoice.objects.count()) == before
        assert GatewayEvent.objects.filter(event_id=event["id"]).count() == 1

    def test_is_a_hint_whose_words_are_not_believed(self, stripe, person):
        bought_there(stripe, person)
        event = stripe.events("customer.subscription.created")[0]
        about = event["data"]["object"]
        about["status"], about["cancel_at_period_end"] = "canceled", True
        about["items"]["data"][0]["quantity"] = 50
        about["items"]["data"][0]["price"] = {
            "id": "price_9",
            "unit_amount": 1,
            "product": "medimic_enterprise",
        }
        assert deliver(stripe, event).status_code == 200
        found = Subscription.objects.get()
        assert (found.plan, found.seats, found.cancel_at_period_end) == (INDIVIDUAL, 1, False)

    @pytest.mark.parametrize("kind", ["charge.succeeded", "payout.paid", "customer.created"])
    def test_of_a_kind_that_says_nothing_new_is_left(self, stripe, person, kind):
        bought_there(stripe, person)
        event = {**stripe.events()[-1], "type": kind}
        assert deliver(stripe, event).status_code == 200
        assert not Subscription.objects.exists()

    def test_about_a_customer_of_somebody_elses_is_left(self, stripe, person):
        bought_there(stripe, person)
        event = stripe.events("invoice.paid")[0]
        event["data"]["object"]["customer"] = "cus_other"
        assert deliver(stripe, event).status_code == 200
        assert not GatewayEvent.objects.exclude(kind="checkout.session.completed").exists()

    def test_that_cannot_be_acted_upon_is_not_stored(self, stripe, person, monkeypatch):
        bought_there(stripe, person)
        event = stripe.events("invoice.paid")[0]
        monkeypatch.setattr("billing.invoices._note", lambda *a, **k: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            deliver(stripe, event)
        assert not GatewayEvent.objects.filter(event_id=event["id"]).exists()
        assert not Subscription.objects.exists()
        monkeypatch.undo()
        assert deliver(stripe, event).status_code == 200
        assert Invoice.objects.count() == 1

    def test_while_stripe_is_away_is_asked_for_again(self, stripe, person):
        bought_there(stripe, person)
        event = stripe.events("invoice.paid")[0]
        stripe.fail("unavailable", times=10)
        answer = deliver(stripe, event)
        assert answer.status_code == 503
        assert answer.headers["Retry-After"]
        assert not GatewayEvent.objects.filter(event_id=event["id"]).exists()
        stripe.heal()
        assert deliver(stripe, event).status_code == 200
        assert Invoice.objects.count() == 1


@pytest.mark.django_db
class TestForged:
    @pytest.mark.parametrize(
        "how", [{"secret": "whsec_other"}, {"at": time.time() - 3600}, {"at": time.time() + 3600}]
    )
    def test_is_refused_and_changes_nothing(self, stripe, person, how):
        bought_there(stripe, person)
        before = len(stripe.seen)
        assert deliver(stripe, stripe.events("invoice.paid")[0], **how).status_code == 400
        assert not Subscription.objects.exists()
        assert len(stripe.seen) == before

    def test_of_the_live_mode_or_another_version_is_refused(self, stripe, person):
        bought_there(stripe, person)
        for change in ({"livemode": True}, {"api_version": "2020-08-27"}):
            assert deliver(stripe, {**stripe.events("invoice.paid")[0], **change}).status_code == 400
        assert not Subscription.objects.exists()

    def test_without_signature_or_by_another_method_is_refused(self, stripe, person):
        assert Client().post(WEBHOOK, b"{}", content_type="application/json").status_code == 400
        assert Client().get(WEBHOOK).status_code == 405

    def test_body_too_large_is_refused_unread(self, stripe):
        answer = Client().post(WEBHOOK, b"x" * (256 * 1024 + 1), content_type="application/json")
        assert answer.status_code == 413

    def test_needs_no_csrf_token_and_no_cookie_helps(self, stripe, person, sign_in):
        bought_there(stripe, person)
        event = stripe.events("invoice.paid")[0]
        assert deliver(stripe, event, Client(enforce_csrf_checks=True)).status_code == 200
        assert sign_in(person).post(WEBHOOK, {}).status_code == 400

    def test_is_not_there_without_stripe(self, stripe, person, settings):
        bought_there(stripe, person)
        settings.STRIPE_SECRET_KEY = ""
        assert deliver(stripe, stripe.events("invoice.paid")[0]).status_code == 404


@pytest.mark.django_db
class TestOrder:
    def story(self, stripe):
        """Bought, upgraded, more seats, to be ended, and going on after all."""
        clinic = cast.make_organization(plan=None)
        with_card(stripe, clinic)
        how = {"by": None, "origin": SYSTEM, "at": timezone.now()}
        subscription = subscribe(clinic, TEAM, 2)
        GATEWAY.change(subscription, ENTERPRISE, **how)
        GATEWAY.set_seats(Subscription.objects.get(), 4, **how)
        GATEWAY.cancel(Subscription.objects.get(), **how)
        GATEWAY.resume(Subscription.objects.get(), **how)

    @staticmethod
    def state():
        subscription = Subscription.objects.get()
        charged = sorted(Invoice.objects.values_list("gateway_invoice", "total_minor", "state"))
        return (
            subscription.plan, subscription.seats, subscription.cancel_at_period_end, charged,
            AuditEvent.objects.filter(kind__startswith="billing.").count(),
        )  # fmt: skip

    @pytest.mark.parametrize("seed", range(4))
    def test_of_arrival_does_not_matter(self, stripe, seed):
        self.story(stripe)
        before = self.state()
        events = stripe.events() * 2
        random.Random(seed).shuffle(events)
        assert {deliver(stripe, event).status_code for event in events} == {200}
        assert self.state() == before

    def test_an_old_event_does_not_bring_back_what_was(self, stripe, person):
        with_card(stripe, person)
        subscription = subscribe(person)
        old = stripe.events("customer.subscription.created")[0]
        stripe.calls.answer("DELETE", f"/v1/subscriptions/{subscription.gateway_subscription}", {})
        deliver(stripe, stripe.events("customer.subscription.deleted")[0])
        assert Subscription.objects.get().ended_at
        assert deliver(stripe, old).status_code == 200
        assert Subscription.objects.get().ended_at

    def test_days_late_still_counts(self, stripe, person):
        """Stripe tries for three days, and signs each delivery anew."""
        bought_there(stripe, person)
        event = stripe.events("invoice.paid")[0]
        event["created"] -= 3 * 24 * 3600
        assert deliver(stripe, event).status_code == 200
        assert Subscription.objects.exists()

    def test_of_two_cards_the_later_given_counts(self, stripe, person):
        for _ in range(2):
            GATEWAY.payment_method_url(person, return_url="http://localhost:8000/billing/")
        second, first = stripe.of("checkout.session")
        stripe.store.things[second["id"]]["created"] += 60
        stripe.complete_checkout(first["id"], last4="1111")
        stripe.complete_checkout(second["id"], last4="2222")
        one, two = stripe.events("checkout.session.completed")
        for event in (two, one):
            assert deliver(stripe, event).status_code == 200
        assert GatewayCustomer.objects.get().payment_method == "Visa •••• 2222"
        default = stripe.of("customer")[0]["invoice_settings"]["default_payment_method"]
        assert stripe.store.things[default]["card"]["last4"] == "2222"


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    NUMBER = 20

    def race(self, stripe, events):
        def send(event):
            try:
                return deliver(stripe, event).status_code
            finally:
                connection.close()

        with ThreadPoolExecutor(self.NUMBER) as pool:
            return list(pool.map(send, events))

    def test_the_same_twenty_times_acts_once(self, stripe, person):
        bought_there(stripe, person)
        event = stripe.events("invoice.paid")[0]
        assert set(self.race(stripe, [event] * self.NUMBER)) == {200}
        assert Subscription.objects.count() == 1
        assert Invoice.objects.count() == 1
        assert GatewayEvent.objects.filter(event_id=event["id"]).count() == 1
        assert AuditEvent.objects.filter(kind="billing.subscribed", person_id=person.pk).count() == 1

    def test_twenty_of_one_customer_leave_what_is_true(self, stripe, person):
        bought_there(stripe, person)
        event = stripe.events("customer.subscription.updated")[-1]
        events = [{**event, "id": f"evt_at_once_{n}"} for n in range(self.NUMBER)]
        assert set(self.race(stripe, events)) == {200}
        assert Invoice.objects.count() == 1
        assert GatewayEvent.objects.filter(event_id__startswith="evt_at_once").count() == self.NUMBER
        assert AuditEvent.objects.filter(kind="billing.subscribed", person_id=person.pk).count() == 1

    def test_an_answer_that_was_overtaken_is_not_acted_upon(self, stripe, person, monkeypatch):
        """One fetches, the world goes on, another fetches and acts; the first must not act on what it has."""
        with_card(stripe, person)
        subscription = subscribe(person)
        from billing.gateways import stripe_mirror

        fetch, held = stripe_mirror.fetch, []

        def overtaken(*arguments) -> Remote:
            found = fetch(*arguments)
            if not held:
                held.append(True)
                GATEWAY.cancel(subscription, by=None, origin=SYSTEM, at=timezone.now())
            return found

        monkeypatch.setattr(stripe_mirror, "fetch", overtaken)
        event = {**stripe.events("customer.subscription.created")[0], "id": "evt_slow"}
        assert deliver(stripe, event).status_code == 200
        assert Subscription.objects.get().cancel_at_period_end


def test_everything_that_happens_is_taken(stripe, person):
    with_card(stripe, person)
    subscribe(person)
    assert set(deliver_all(stripe)) == {200}
