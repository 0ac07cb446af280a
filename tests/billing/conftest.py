"""Stripe, as far as tests have it."""

from collections.abc import Iterator

import pytest

from tests.billing import fake_stripe
from tests.billing.fake_stripe import FakeStripe


@pytest.fixture
def stripe(settings, monkeypatch) -> Iterator[FakeStripe]:
    """The portal charges through a fake Stripe; a call that the fake does not know fails the test."""
    # How long the SDK waits before it tries again.
    monkeypatch.setattr("stripe.HTTPClient.INITIAL_DELAY", 0.01)
    with FakeStripe() as fake:
        settings.STRIPE_SECRET_KEY = fake_stripe.KEY
        settings.STRIPE_WEBHOOK_SECRET = fake_stripe.WEBHOOK_SECRET
        settings.STRIPE_API_BASE = fake.url
        yield fake
        assert not fake.complaints, "\n".join(fake.complaints)
