"""Stripe: plans by subscription, paid by card, with its events at `/billing/webhooks/stripe/`.

Each verb first asks our own rules (a rehearsal, undone), then Stripe, and then has all that Stripe
knows followed here (`stripe_mirror`), which is what an event does, too.
"""

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import transaction

from accounts.models import Person
from billing import quotes, subscriptions
from billing.addresses import Addresses
from billing.catalogue import CURRENCY, FREE_TRIAL, Plan
from billing.gateways import ActionNeeded, Declined, GatewayError, Holder, Quote, Unavailable
from billing.gateways import stripe_charges as charges
from billing.gateways import stripe_upkeep as upkeep
from billing.gateways.stripe_catalogue import price_id
from billing.gateways.stripe_client import in_our_words
from billing.gateways.stripe_customers import known_at_stripe, payment_page
from billing.gateways.stripe_mirror import acting, customer_of, mirror
from billing.gateways.stripe_preview import preview
from billing.lines import Line
from billing.models import GatewayCustomer, GatewayName, Subscription
from billing.subscriptions import Change
from medimic.audit.log import Origin


class Stripe:
    name = GatewayName.STRIPE

    def preview(self, holder: Holder, plan: Plan, *, seats: int, at: dt.datetime) -> Quote:
        ours = quotes.quote(holder, plan, seats=seats, at=at)
        subscription = subscriptions.living_of(holder)
        if subscription is None or not ours.lines:
            return ours
        return preview(subscription, ours, at=at)

    def subscribe(
        self, holder: Holder, plan: Plan, *, seats: int, by: Person | None, origin: Origin, at: dt.datetime
    ) -> Subscription:
        def start() -> Change:
            return subscriptions.start(holder, plan, seats=seats, by=by, origin=origin, at=at)

        _rehearsed(start)
        customer = known_at_stripe(holder)
        # An answer may have been lost: what Stripe knows comes first.
        found = mirror(customer, at=at, origin=origin)
        if found is not None and (found.plan, found.gateway) == (plan, self.name):
            return found
        seats = _rehearsed(start).subscription.seats
        _want_card(customer)
        acting(customer, origin)
        for waiting, page in charges.waiting(customer):
            if (waiting.plan, waiting.seats) == (plan, seats) and page:
                raise ActionNeeded(page)
            charges.give_up(waiting)
        with _known_afterwards(customer, at):
            charges.create(
                customer, plan, seats, currency=CURRENCY, basis_points=settings.TAX_RATE_BASIS_POINTS
            )
        return _done(mirror(customer, at=at, origin=origin))

    def change(
        self, subscription: Subscription, plan: Plan, *, by: Person | None, origin: Origin, at: dt.datetime
    ) -> Subscription:
        if plan == FREE_TRIAL:
            return self.cancel(subscription, by=by, origin=origin, at=at)
        is_greater = subscriptions.is_greater(plan, subscription.plan)
        verb = subscriptions.upgrade if is_greater else subscriptions.downgrade
        _rehearsed(lambda: verb(subscription, plan, by=by, origin=origin, at=at))
        with in_our_words():
            price = price_id(plan, plan.price_minor, subscription.currency)
        if is_greater:
            return self._charged(subscription, price=price, origin=origin, at=at)
        _, charged = charges.as_paid(subscription, customer_of(subscription))
        needed = subscriptions.seats_needed(subscriptions.holder_of(subscription), plan)
        return self._prepared(subscription, (price, min(needed, charged)), False, origin=origin, at=at)

    def set_seats(
        self, subscription: Subscription, seats: int, *, by: Person | None, origin: Origin, at: dt.datetime
    ) -> Subscription:
        change = _rehearsed(lambda: subscriptions.add_seats(subscription, seats, by=by, origin=origin, at=at))
        if not change.lines:
            return change.subscription
        return self._charged(subscription, seats=seats, origin=origin, at=at)

    def cancel(
        self, subscription: Subscription, *, by: Person | None, origin: Origin, at: dt.datetime
    ) -> Subscription:
        _rehearsed(lambda: subscriptions.cancel(subscription, by=by, origin=origin, at=at))
        wanted = _as_paid(subscription)
        return self._prepared(subscription, wanted, True, origin=origin, at=at)

    def resume(
        self, subscription: Subscription, *, by: Person | None, origin: Origin, at: dt.datetime
    ) -> Subscription:
        _rehearsed(lambda: subscriptions.resume(subscription, by=by, origin=origin, at=at))
        found = self._prepared(subscription, _as_paid(subscription), False, origin=origin, at=at)
        # A chosen downgrade is ours to take back: at Stripe it is a price like another.
        return subscriptions.resume(found, by=by, origin=origin, at=at).subscription

    def seats_claimed(
        self, subscription: Subscription, lines: tuple[Line, ...], *, origin: Origin, at: dt.datetime
    ) -> None:
        transaction.on_commit(lambda: _tell_claimed(subscription, at), robust=True)

    def payment_method_url(self, holder: Holder, *, return_url: str) -> str | None:
        return payment_page(holder, return_url=return_url)

    def _charged(
        self,
        subscription: Subscription,
        *,
        price: str | None = None,
        seats: int | None = None,
        origin: Origin,
        at: dt.datetime,
    ) -> Subscription:
        """What costs more, from today on; it takes back what was chosen for the renewal."""
        customer = customer_of(subscription)
        _want_card(customer)
        remote = charges.remote_of(subscription)
        if charges.put(remote, _as_paid(subscription)):
            remote = charges.remote_of(subscription)
        acting(customer, origin)
        with _known_afterwards(customer, at):
            charges.charge_change(customer, remote, price=price, seats=seats, at=at)
        if price is not None and remote.cancel_at_period_end:
            now = charges.remote_of(subscription)
            charges.put(now, (now.price_id, now.seats), cancel_at_period_end=False)
        found = _done(mirror(customer, at=at, origin=origin))
        _tell_next(found, at)
        return found

    def _prepared(
        self,
        subscription: Subscription,
        wanted: tuple[str, int],
        cancel: bool,
        *,
        origin: Origin,
        at: dt.datetime,
    ) -> Subscription:
        """What costs nothing now."""
        charges.put(charges.remote_of(subscription), wanted, cancel_at_period_end=cancel)
        return _done(mirror(customer_of(subscription), at=at, origin=origin))


def _rehearsed(verb: Callable[[], Change]) -> Change:
    """What our own rules say to it, before Stripe is asked: nothing of it stays."""
    with transaction.atomic():
        change = verb()
        transaction.set_rollback(True)
    return change


@contextmanager
def _known_afterwards(customer: GatewayCustomer, at: dt.datetime) -> Iterator[None]:
    """A refusal is an answer, too: what is known is of another version, and the next attempt a new one."""
    try:
        yield
    except (ActionNeeded, Declined):
        try:
            subscription = mirror(customer, at=at)
            if subscription is not None and subscription.gateway == GatewayName.STRIPE:
                _tell_next(subscription, at)
        except Unavailable as error:
            upkeep.later("what was refused", error)
        raise


def _tell_claimed(subscription: Subscription, at: dt.datetime) -> None:
    try:
        upkeep.tell_claimed(subscription, at)
    except GatewayError as error:
        upkeep.later("seats claimed", error)


def _tell_next(subscription: Subscription, at: dt.datetime) -> None:
    """What was chosen for the renewal, after a charge has started from what was paid."""
    try:
        upkeep.tell_next(subscription, at)
    except GatewayError as error:
        upkeep.later("the next charge", error)


def _want_card(customer: GatewayCustomer) -> None:
    customer.refresh_from_db()
    if not customer.payment_method_id:
        home = Addresses.of(customer.organization).home
        raise ActionNeeded(payment_page(customer.holder, return_url=settings.PORTAL_URL + home))


def _as_paid(subscription: Subscription) -> tuple[str, int]:
    with in_our_words():
        return charges.as_paid(subscription, customer_of(subscription))


def _done(found: Subscription | None) -> Subscription:
    """Stripe took it, and whatever it was is followed here."""
    if found is None:
        raise Unavailable
    return found


def gateway() -> Stripe:
    return Stripe()
