"""Which events are believed to come from Stripe."""

import copy
import json
import time

import pytest

from billing.gateways import stripe_hints
from billing.gateways.stripe_hints import Hint, NotStripes, read
from tests.billing import fake_stripe
from tests.billing.fake_stripe import FakeStripe

pytestmark = pytest.mark.once
EVENT = {
    "id": "evt_1",
    "object": "event",
    "type": "invoice.paid",
    "livemode": False,
    "api_version": "2026-10-28.endive",
    "data": {"object": {"id": "in_1", "object": "invoice", "customer": "cus_1"}},
}


@pytest.fixture(autouse=True)
def keys(settings):
    settings.STRIPE_SECRET_KEY, settings.STRIPE_WEBHOOK_SECRET = fake_stripe.KEY, fake_stripe.WEBHOOK_SECRET


def signed(event=EVENT, **how):
    return FakeStripe.signed(event, **how)


def with_(**changes):
    return {**copy.deepcopy(EVENT), **changes}


def test_a_right_one_says_what_it_is_about():
    assert read(*signed()) == Hint("evt_1", "invoice.paid", "in_1", "cus_1")


def test_a_customers_own_event_is_about_that_customer():
    event = with_(data={"object": {"id": "cus_7", "object": "customer"}})
    assert read(*signed(event)).customer_id == "cus_7"


def test_one_of_several_signatures_is_enough_while_the_secret_is_replaced():
    body, header = signed()
    stamp, code = header.split(",")
    assert read(body, f"{stamp},v1={'0' * 64},{code}").event_id == "evt_1"


@pytest.mark.parametrize("age", [0, 200, 290])
def test_late_within_five_minutes_is_taken(age):
    assert read(*signed(at=time.time() - age))


@pytest.mark.parametrize("age", [310, 24 * 3600, -60, -24 * 3600])
def test_older_and_to_come_are_refused(age):
    body, header = signed(at=time.time() - age)
    with pytest.raises(NotStripes):
        read(body, header)


def forged():
    body, header = signed()
    stamp, code = header.split(",")
    later = f"t={int(time.time()) + 1}"
    return {
        "no header": (body, ""),
        "another secret": signed(secret="whsec_other"),
        "an empty secret": signed(secret=""),
        "another body": (body.replace(b"in_1", b"in_2"), header),
        "a byte more": (body + b" ", header),
        "another time": (body, f"{later},{code}"),
        "a second time": (body, f"{header},{later}"),
        "a second time first": (body, f"{later},{header}"),
        "a time with something after it": (body, f"{stamp}=x,{code}"),
        "a time with signs in it": (body, f"t= {stamp[2:]},{code}"),
        "no time": (body, code),
        "no code": (body, stamp),
        "the test scheme": (body, f"{stamp},{code.replace('v1', 'v0')}"),
        "nonsense": (body, "t=now,v1=,=,,"),
        "no UTF-8": (b"\xff\xfe", header),
    }


@pytest.mark.parametrize("how", forged())
def test_forged_ones_are_refused(how):
    body, header = forged()[how]
    with pytest.raises(NotStripes):
        read(body, header)


def test_nothing_passes_without_a_secret(settings):
    settings.STRIPE_WEBHOOK_SECRET = ""
    for secret in ("", fake_stripe.WEBHOOK_SECRET):
        body, header = signed(secret=secret)
        with pytest.raises(NotStripes):
            read(body, header)


@pytest.mark.parametrize(
    "event",
    [
        with_(livemode=True),
        with_(livemode=None),
        with_(livemode="false"),
        with_(api_version="2020-08-27"),
        with_(api_version=None),
        with_(data=None),
        with_(data={"object": []}),
        with_(object="invoice"),
        with_(id=""),
        with_(id=7),
        with_(id="evt_" + "x" * 300),
        with_(type=None),
    ],
)
def test_of_another_mode_version_or_shape_are_refused(event):
    body, header = signed(event)
    with pytest.raises(NotStripes):
        read(body, header)


def test_the_live_key_takes_live_events_alone(settings):
    settings.STRIPE_SECRET_KEY = "sk_live_1"
    assert read(*signed(with_(livemode=True)))
    body, header = signed()
    with pytest.raises(NotStripes):
        read(body, header)


@pytest.mark.parametrize("text", ["[]", "null", '"event"', "{", "[" * 20_000, ""])
def test_what_is_signed_and_no_event_is_refused(text):
    stamp = int(time.time())
    from stripe import WebhookSignature

    header = WebhookSignature.generate_signature_header(text, fake_stripe.WEBHOOK_SECRET, stamp)
    with pytest.raises(NotStripes):
        read(text.encode(), header)


def test_the_fakes_signature_is_the_sdks():
    from stripe import WebhookSignature

    body, header = signed()
    stamp = int(header.split(",")[0][2:])
    assert header == WebhookSignature.generate_signature_header(
        body.decode(), fake_stripe.WEBHOOK_SECRET, stamp
    )
    assert json.loads(body)["id"] == "evt_1"
    assert stripe_hints.OLDEST == 300
