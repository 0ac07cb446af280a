"""Both gateways behind one handle, with a clock that tests turn."""

import datetime as dt

from billing import gateways, past_due, payments, renewals
from billing.gateways import offline, stripe_reconciliation
from billing.gateways import stripe as stripe_gateway
from billing.models import GatewayName, Invoice, Subscription
from medimic.audit.log import SYSTEM
from tests.billing.fake_stripe import FakeStripe
from tests.billing.stripe_kit import with_card

STEP = dt.timedelta(days=2)


class OfflineRig:
    """Invoices, paid by transfer when a test says so."""

    name = GatewayName.OFFLINE
    is_paid_at_once = False
    # Our own sums say what it costs.
    cents_off = 0

    def __init__(self, start: dt.datetime) -> None:
        self.now = start
        self.gateway: gateways.Gateway = offline.gateway()
        self.pays = True

    def ready(self, holder) -> None:
        """The holder can be charged."""

    def turn_to(self, instant: dt.datetime, *, step: dt.timedelta = STEP) -> None:
        """Live on until then, step by step: jobs run, and who pays does so on the day of the invoice."""
        while self.now < instant:
            self.now = min(self.now + step, instant)
            self._run_jobs()

    def _run_jobs(self) -> None:
        renewals.run(self.now)
        if self.pays:
            self.pay_all()
        past_due.run(self.now)

    def stop_paying(self) -> None:
        self.pays = False

    def pay_all(self) -> None:
        self.pays = True
        for invoice in Invoice.objects.owed():
            payments.settle(invoice, origin=SYSTEM, at=self.now)


class StripeRig:
    """The real SDK, before the fake server; events are left out, and the hourly job does it all."""

    name = GatewayName.STRIPE
    is_paid_at_once = True
    # Stripe rounds each of the two lines of a change by itself.
    cents_off = 1

    def __init__(self, start: dt.datetime, fake: FakeStripe) -> None:
        self.now = start
        self.fake = fake
        self.gateway: gateways.Gateway = stripe_gateway.gateway()
        fake.turn_clock(start)

    def ready(self, holder) -> None:
        with_card(self.fake, holder)

    def turn_to(self, instant: dt.datetime, *, step: dt.timedelta = STEP) -> None:
        while self.now < instant:
            self.now = min(self.now + step, instant)
            self.fake.turn_clock(self.now)
            stripe_reconciliation.run(self.now)
            past_due.run(self.now)

    def stop_paying(self) -> None:
        self.fake.behave("declined")

    def pay_all(self) -> None:
        """Their bank pays again, and Stripe tries each open invoice once more."""
        self.fake.behave("ok")
        for invoice in self.fake.of("invoice"):
            if invoice["status"] == "open":
                named = self.fake.store.things[invoice["parent"]["subscription_details"]["subscription"]]
                self.fake.calls.subscriptions.collect(named, self.fake.store.things[invoice["id"]])
        stripe_reconciliation.run(self.now)


def of(subscription: Subscription) -> Subscription:
    """The same, as it is now."""
    return Subscription.objects.get(pk=subscription.pk)
