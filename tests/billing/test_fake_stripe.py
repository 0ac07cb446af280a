"""The fake itself: it must not say yes to what it does not know."""

import datetime as dt

import pytest
import stripe as sdk

from billing.gateways.stripe_client import client

pytestmark = pytest.mark.once
DAY = 24 * 3600
START = dt.datetime(2026, 1, 31, 9, tzinfo=dt.UTC)


@pytest.fixture
def known(stripe):
    """The ids of a customer with a card and of two prices, at 29 and 49."""
    stripe.turn_clock(START)
    customer = client().v1.customers.create({"name": "Paula"})
    card = stripe.card(customer.id)
    client().v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": card["id"]}})
    client().v1.products.create({"id": "medimic_team", "name": "Team"})
    prices = [
        client().v1.prices.create(
            {
                "product": "medimic_team",
                "unit_amount": amount,
                "currency": "eur",
                "recurring": {"interval": "month"},
                "lookup_key": f"key_{amount}",
            }
        )
        for amount in (2900, 4900)
    ]
    return customer.id, [price.id for price in prices]


def subscribe(known, quantity=1):
    customer, [price, _] = known
    return client().v1.subscriptions.create(
        {
            "customer": customer,
            "items": [{"price": price, "quantity": quantity}],
            "payment_behavior": "allow_incomplete",
            "billing_mode": {"type": "flexible"},
        }
    )


@pytest.mark.parametrize(
    "call",
    [
        lambda: client().v1.coupons.list(),
        lambda: client().v1.customers.create({"phone": "1"}),
        lambda: client().v1.customers.create({"invoice_settings": {"footer": "x"}}),
        lambda: client().v1.products.create({"name": "no id"}),
        lambda: client().v1.checkout.sessions.create({"mode": "payment"}),
        lambda: client().v1.customers.retrieve("cus_000001", {"expand": ["sources"]}),
    ],
)
def test_what_nobody_declared_is_an_error_and_a_complaint(stripe, call):
    client().v1.customers.create({"name": "one"})
    with pytest.raises(sdk.APIError):
        call()
    assert stripe.complaints
    stripe.complaints.clear()


def test_another_key_is_no_key(stripe, settings):
    settings.STRIPE_SECRET_KEY = "sk_test_other"
    with pytest.raises(sdk.AuthenticationError):
        client().v1.customers.create({"name": "one"})


def test_a_lost_answer_is_given_again_and_nothing_happens_twice(stripe, known):
    stripe.fail("lose", path="/v1/subscriptions")
    assert subscribe(known).status == "active"
    assert len(stripe.of("subscription")) == 1
    assert stripe.taken() == 2900
    assert [one.path for one in stripe.seen].count("/v1/subscriptions") == 1


def test_one_key_is_for_one_request(stripe):
    client().v1.customers.create({"name": "one"}, {"idempotency_key": "k"})
    with pytest.raises(sdk.IdempotencyError):
        client().v1.customers.create({"name": "two"}, {"idempotency_key": "k"})


def test_proration_is_by_the_time_that_is_asked_for(stripe, known):
    subscription = subscribe(known)
    item = subscription["items"].data[0]
    assert item.current_period_end - item.current_period_start == 28 * DAY
    preview = client().v1.invoices.create_preview(
        {
            "subscription": subscription.id,
            "subscription_details": {
                "items": [{"id": item.id, "price": known[1][1]}],
                "proration_behavior": "always_invoice",
                "proration_date": item.current_period_start + 7 * DAY,
            },
        }
    )
    assert [line.amount for line in preview.lines.data] == [-2175, 3675]
    assert preview.total == 1500


def test_a_declined_change_waits_and_a_confirmed_one_applies(stripe, known):
    subscription = subscribe(known)
    item = subscription["items"].data[0]
    change = {
        "items": [{"id": item.id, "price": known[1][1]}],
        "proration_behavior": "always_invoice",
        "payment_behavior": "pending_if_incomplete",
    }
    stripe.behave("declined")
    changed = client().v1.subscriptions.update(subscription.id, change)
    assert changed.pending_update
    assert changed["items"].data[0].price.unit_amount == 2900
    client().v1.invoices.void_invoice(changed.latest_invoice)
    assert client().v1.subscriptions.retrieve(subscription.id).pending_update is None
    stripe.behave("action")
    changed = client().v1.subscriptions.update(subscription.id, {**change})
    stripe.confirm(changed.latest_invoice)
    assert client().v1.subscriptions.retrieve(subscription.id)["items"].data[0].price.unit_amount == 4900


def test_a_year_of_renewals_keeps_the_anchors_day(stripe, known):
    subscribe(known)
    stripe.turn_clock(START + dt.timedelta(days=365))
    starts = [
        dt.datetime.fromtimestamp(line["period"]["start"], dt.UTC).date().isoformat()
        for invoice in reversed(stripe.of("invoice"))
        for line in invoice["lines"]["data"]
    ]
    assert starts[:4] == ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"]
    assert starts[-1] == "2027-01-31"
    assert stripe.taken() == 13 * 2900


def test_a_renewal_that_is_declined_is_past_due_until_it_is_paid(stripe, known):
    subscription = subscribe(known)
    stripe.behave("declined")
    stripe.turn_clock(START + dt.timedelta(days=40))
    found = client().v1.subscriptions.retrieve(subscription.id)
    assert found.status == "past_due"
    with pytest.raises(sdk.CardError):
        client().v1.invoices.pay(found.latest_invoice)
    stripe.behave("ok")
    client().v1.invoices.pay(found.latest_invoice)
    assert client().v1.subscriptions.retrieve(subscription.id).status == "active"
