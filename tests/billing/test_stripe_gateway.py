"""Stripe's side alone: cards, refusals, and a Stripe that is away."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.utils import timezone

from billing import seats, subscriptions
from billing.catalogue import ENTERPRISE, INDIVIDUAL, TEAM
from billing.gateways import ActionNeeded, Declined, Unavailable, stripe_client
from billing.gateways import stripe as gateways
from billing.models import GatewayCustomer, Invoice, Subscription
from medimic.audit.log import SYSTEM, Origin
from medimic.audit.models import ActorKind, AuditEvent
from orgs.models import Membership
from tests import cast
from tests.billing.stripe_kit import deliver_all, with_card

GATEWAY = gateways.gateway()


def now():
    return {"by": None, "origin": SYSTEM, "at": timezone.now()}


def subscribe(holder, plan=INDIVIDUAL, number=1, **how):
    return GATEWAY.subscribe(holder, plan, seats=number, **{**now(), **how})


@pytest.fixture
def person(db):
    return cast.make_person()


@pytest.fixture
def clinic(db):
    return cast.make_organization(plan=None)


@pytest.fixture
def team(stripe, clinic):
    with_card(stripe, clinic)
    return subscribe(clinic, TEAM, 2)


@pytest.mark.django_db
class TestCard:
    def test_is_asked_for_before_anything_is_charged(self, stripe, person):
        with pytest.raises(ActionNeeded) as needed:
            subscribe(person)
        assert needed.value.url.startswith(stripe.url)
        assert stripe.of("subscription") == []

    def test_is_shown_by_its_last_digits_alone(self, stripe, person):
        with_card(stripe, person)
        assert GatewayCustomer.objects.get().payment_method == "Visa •••• 4242"
        assert subscribe(person).payment_method == "Visa •••• 4242"

    def test_of_one_holder_is_not_another_ones(self, stripe, person, clinic):
        with_card(stripe, clinic)
        with pytest.raises(ActionNeeded):
            subscribe(person)
        assert len(stripe.of("customer")) == 2

    def test_stripe_is_told_a_name_and_an_address_and_no_more(self, stripe, person):
        with_card(stripe, person)
        [made] = stripe.posted("/v1/customers")
        assert made.params == {
            "name": person.name,
            "email": person.email,
            "preferred_locales": ["en"],
            "metadata": {"holder": str(GatewayCustomer.objects.get().pk)},
        }


@pytest.mark.django_db
class TestDeclined:
    def test_first_payment_leaves_nothing_behind(self, stripe, person):
        with_card(stripe, person, "insufficient")
        with pytest.raises(Declined) as declined:
            subscribe(person)
        assert declined.value.reason == "insufficient_funds"
        assert not Subscription.objects.exists()
        assert not Invoice.objects.exists()
        assert [one["status"] for one in stripe.of("subscription")] == ["canceled"]
        assert [one["status"] for one in stripe.of("invoice")] == ["void"]
        deliver_all(stripe)
        assert not Subscription.objects.exists()

    def test_first_payment_can_be_tried_again_with_the_same_card(self, stripe, person):
        with_card(stripe, person, "insufficient")
        for _ in range(2):
            with pytest.raises(Declined):
                subscribe(person)
        stripe.behave("ok")
        assert subscribe(person).plan == INDIVIDUAL
        assert stripe.taken() == 2900

    def test_upgrade_leaves_the_plan_and_no_invoice(self, stripe, team):
        stripe.behave("declined")
        with pytest.raises(Declined):
            GATEWAY.change(team, ENTERPRISE, **now())
        deliver_all(stripe)
        assert Subscription.objects.get().plan == TEAM
        assert Invoice.objects.count() == 1
        assert stripe.of("subscription")[0]["pending_update"] is None
        stripe.behave("ok")
        deliver_all(stripe)
        assert Subscription.objects.get().plan == TEAM
        GATEWAY.change(Subscription.objects.get(), ENTERPRISE, **now())
        assert Subscription.objects.get().plan == ENTERPRISE

    def test_seats_stay_as_many_as_they_were(self, stripe, team):
        stripe.behave("declined")
        with pytest.raises(Declined):
            GATEWAY.set_seats(team, 5, **now())
        assert Subscription.objects.get().seats == 2

    def test_what_was_chosen_for_the_renewal_stays_chosen(self, stripe, clinic):
        with_card(stripe, clinic)
        subscription = subscribe(clinic, ENTERPRISE, 2)
        GATEWAY.change(subscription, TEAM, **now())
        stripe.behave("declined")
        with pytest.raises(Declined):
            GATEWAY.set_seats(Subscription.objects.get(), 5, **now())
        assert Subscription.objects.get().next_plan == TEAM
        item = stripe.of("subscription")[0]["items"]["data"][0]
        assert item["price"]["unit_amount"] == TEAM.price_minor


@pytest.mark.django_db
class TestActionNeeded:
    """The bank wants the person to confirm, on Stripe's page of the invoice."""

    def test_plan_starts_when_it_is_confirmed_and_is_theirs_who_asked(self, stripe, person):
        with_card(stripe, person, "action")
        origin = Origin(ActorKind.PERSON, person.pk)
        with pytest.raises(ActionNeeded) as needed:
            subscribe(person, by=person, origin=origin)
        assert not Subscription.objects.exists()
        invoice = needed.value.url.rsplit("/", 1)[1]
        stripe.confirm(invoice)
        deliver_all(stripe)
        assert Subscription.objects.get().plan == INDIVIDUAL
        assert Invoice.objects.get().state == Invoice.State.PAID
        row = AuditEvent.objects.get(kind="billing.subscribed", person_id=person.pk)
        assert (row.actor_kind, row.actor_id) == (ActorKind.PERSON, person.pk)

    def test_asked_again_it_is_the_same_page_and_one_subscription(self, stripe, person):
        with_card(stripe, person, "action")
        pages = set()
        for _ in range(3):
            with pytest.raises(ActionNeeded) as needed:
                subscribe(person)
            pages.add(needed.value.url)
        assert len(pages) == 1
        assert len(stripe.of("subscription")) == 1

    def test_another_plan_takes_the_place_of_one_that_waits(self, stripe, clinic):
        with_card(stripe, clinic, "action")
        with pytest.raises(ActionNeeded):
            subscribe(clinic, TEAM)
        stripe.behave("ok")
        assert subscribe(clinic, ENTERPRISE).plan == ENTERPRISE
        assert sorted(one["status"] for one in stripe.of("subscription")) == ["active", "canceled"]
        assert stripe.taken() == ENTERPRISE.price_minor

    def test_upgrade_comes_about_when_it_is_confirmed(self, stripe, team):
        stripe.behave("action")
        with pytest.raises(ActionNeeded) as needed:
            GATEWAY.change(team, ENTERPRISE, **now())
        deliver_all(stripe)
        assert Subscription.objects.get().plan == TEAM
        assert Invoice.objects.count() == 1
        stripe.confirm(needed.value.url.rsplit("/", 1)[1])
        deliver_all(stripe)
        assert Subscription.objects.get().plan == ENTERPRISE
        assert Invoice.objects.count() == 2

    def test_upgrade_that_is_confirmed_takes_back_that_it_was_to_end(
        self, stripe, team, django_capture_on_commit_callbacks
    ):
        GATEWAY.cancel(team, **now())
        stripe.behave("action")
        with pytest.raises(ActionNeeded) as needed:
            GATEWAY.change(Subscription.objects.get(), ENTERPRISE, **now())
        assert Subscription.objects.get().cancel_at_period_end
        stripe.confirm(needed.value.url.rsplit("/", 1)[1])
        for _ in range(2):
            with django_capture_on_commit_callbacks(execute=True):
                deliver_all(stripe)
        found = Subscription.objects.get()
        assert (found.plan, found.cancel_at_period_end) == (ENTERPRISE, False)
        assert not stripe.of("subscription")[0]["cancel_at_period_end"]


VERBS = {
    "subscribe": lambda clinic: GATEWAY.subscribe(clinic, TEAM, seats=2, **now()),
    "change": lambda clinic: GATEWAY.change(subscriptions.living_of(clinic), ENTERPRISE, **now()),
    "set_seats": lambda clinic: GATEWAY.set_seats(subscriptions.living_of(clinic), 4, **now()),
    "cancel": lambda clinic: GATEWAY.cancel(subscriptions.living_of(clinic), **now()),
}
CALLS = 16


@pytest.mark.django_db
class TestUnavailable:
    @pytest.mark.once
    @pytest.mark.parametrize(
        ("verb", "kind"),
        [
            *((verb, "lose") for verb in VERBS),
            *(("subscribe", k) for k in ("unavailable", "broken", "limited")),
        ],
    )
    def test_whichever_call_fails_nothing_is_lost_and_nothing_happens_twice(self, stripe, verb, kind):
        """Each call of the verb in turn, with its repetition; then the person clicks once more."""
        failed = 0
        for place in range(CALLS):
            clinic = cast.make_organization(plan=None)
            with_card(stripe, clinic)
            if verb != "subscribe":
                VERBS["subscribe"](clinic)
            before = stripe.taken()
            stripe.fail(kind, times=2, after=place)
            try:
                VERBS[verb](clinic)
            except Unavailable:
                failed += 1
                stripe.heal()
                try:
                    VERBS[verb](clinic)
                except (subscriptions.AlreadySubscribed, subscriptions.AlreadyOnPlan):
                    pass
            stripe.heal()
            self.is_done(stripe, verb, clinic, stripe.taken() - before)
            if not failed > place:
                break
        assert failed >= 3
        assert place < CALLS - 1

    def is_done(self, stripe, verb, clinic, taken):
        found = subscriptions.living_of(clinic)
        assert found is not None
        expected = {
            "subscribe": (TEAM, 2, False, 9800),
            "change": (ENTERPRISE, 2, False, 10000),
            "set_seats": (TEAM, 4, False, 9800),
            "cancel": (TEAM, 2, True, 0),
        }[verb]
        assert (found.plan, found.seats, found.cancel_at_period_end, taken) == expected
        assert found.invoices.count() == (2 if verb in ("change", "set_seats") else 1)
        assert found.invoices.filter(state=Invoice.State.PAID).count() == found.invoices.count()
        ours = [one for one in stripe.of("subscription") if one["customer"] == found.gateway_customer]
        assert len(ours) == 1

    def test_one_that_hangs_is_given_up(self, stripe, person, monkeypatch):
        with_card(stripe, person)
        monkeypatch.setattr(stripe_client, "TIMEOUT", (0.2, 0.2))
        stripe.fail("hang", times=10)
        with pytest.raises(Unavailable):
            subscribe(person)
        stripe.heal()
        monkeypatch.undo()
        assert subscribe(person).plan == INDIVIDUAL

    def test_nobody_listening_is_unavailable(self, stripe, person, settings):
        settings.STRIPE_API_BASE = "http://127.0.0.1:9"
        with pytest.raises(Unavailable):
            subscribe(person)

    def test_a_key_that_was_revoked_is_logged_and_unavailable(self, stripe, person, settings, caplog):
        settings.STRIPE_SECRET_KEY = "sk_test_revoked"
        with pytest.raises(Unavailable):
            subscribe(person)
        assert "AuthenticationError" in caplog.text
        assert "sk_test_revoked" not in caplog.text

    def test_a_seat_claimed_meanwhile_is_charged_later(
        self, stripe, team, clinic, django_capture_on_commit_callbacks
    ):
        stripe.fail("unavailable", times=50)
        with django_capture_on_commit_callbacks(execute=True):
            for _ in range(3):
                cast.join(clinic, cast.make_person(), Membership.Role.PROVIDER)
            clinic.lock()
            seats.claim(clinic, may_add=True, origin=SYSTEM, at=timezone.now())
        assert Subscription.objects.get().seats == 3
        assert stripe.taken() == 9800
        stripe.heal()
        from billing.gateways import stripe_reconciliation

        for _ in range(2):
            stripe_reconciliation.run()
        assert stripe.taken() == 9800 + 4900
        assert Invoice.objects.count() == 2


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_ten_clicks_make_one_subscription(self, stripe, person):
        with_card(stripe, person)
        start = threading.Barrier(10)

        def click(_):
            try:
                start.wait()
                return subscribe(person).plan.code
            except (subscriptions.AlreadySubscribed, Unavailable) as error:
                return type(error).__name__
            finally:
                connection.close()

        with ThreadPoolExecutor(10) as pool:
            outcomes = list(pool.map(click, range(10)))
        assert "individual" in outcomes
        assert stripe.taken() == 2900
        assert Subscription.objects.count() == 1
        assert Invoice.objects.count() == 1
        assert [one["status"] for one in stripe.of("subscription")] == ["active"]
