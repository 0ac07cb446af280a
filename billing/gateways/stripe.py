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
from billing.gateways.stripe_customers import alone, known_at_stripe, payment_page
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
        with alone(customer):
            # Another click may have done it, or an answer have been lost: what Stripe knows comes first.
            found = mirror(customer, at=at, origin=origin)
            if found is not None and (found.plan, found.gateway) == (plan, self.name):
                return found
            seats = _rehearsed(start).subscription.seats
            _want_card(customer)
            acting(customer, origin)
            _clear_the_way(customer, plan, seats)
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

        def upgrade() -> Change:
            return subscriptions.upgrade(subscription, plan, by=by, origin=origin, at=at)

        def downgrade() -> Change:
            return subscriptions.downgrade(subscription, plan, by=by, origin=origin, at=at)

        if subscriptions.is_greater(plan, subscription.plan):
            return self._charged(subscription, upgrade, plan=plan, origin=origin, at=at)
        return self._prepared(subscription, downgrade, cancel=False, origin=origin, at=at, plan=plan)

    def set_seats(
        self, subscription: Subscription, seats: int, *, by: Person | None, origin: Origin, at: dt.datetime
    ) -> Subscription:
        def add() -> Change:
            return subscriptions.add_seats(subscription, seats, by=by, origin=origin, at=at)

        return self._charged(subscription, add, seats=seats, origin=origin, at=at)

    def cancel(
        self, subscription: Subscription, *, by: Person | None, origin: Origin, at: dt.datetime
    ) -> Subscription:
        def cancel() -> Change:
            return subscriptions.cancel(subscription, by=by, origin=origin, at=at)

        return self._prepared(subscription, cancel, cancel=True, origin=origin, at=at)

    def resume(
        self, subscription: Subscription, *, by: Person | None, origin: Origin, at: dt.datetime
    ) -> Subscription:
        def resume() -> Change:
            return subscriptions.resume(subscription, by=by, origin=origin, at=at)

        self._prepared(subscription, resume, cancel=False, origin=origin, at=at)
        # A chosen downgrade is ours to take back: at Stripe it is a price like another.
        return resume().subscription

    def seats_claimed(
        self, subscription: Subscription, lines: tuple[Line, ...], *, origin: Origin, at: dt.datetime
    ) -> None:
        transaction.on_commit(lambda: _tell_claimed(subscription, at), robust=True)

    def payment_method_url(self, holder: Holder, *, return_url: str) -> str | None:
        return payment_page(holder, return_url=return_url)

    def _charged(
        self,
        subscription: Subscription,
        verb: Callable[[], Change],
        *,
        plan: Plan | None = None,
        seats: int | None = None,
        origin: Origin,
        at: dt.datetime,
    ) -> Subscription:
        """What costs more, from today on: another plan, or more seats."""
        _rehearsed(verb)
        customer = customer_of(subscription)
        with alone(customer):
            # As in `subscribe`. The rules may say otherwise after it.
            mirror(customer, at=at, origin=origin)
            _rehearsed(verb)
            subscription.refresh_from_db()
            if seats is not None and seats <= subscription.seats:
                return subscription
            _want_card(customer)
            remote = charges.remote_of(subscription)
            if charges.put(remote, _as_paid(subscription)):
                remote = charges.remote_of(subscription)
            acting(customer, origin)
            price = _price(subscription, plan) if plan else None
            with _known_afterwards(customer, at):
                charges.charge_change(customer, remote, price=price, seats=seats, at=at)
            if plan and remote.cancel_at_period_end:
                charges.go_on(remote.id)
            found = _done(mirror(customer, at=at, origin=origin))
            _tell_next(found, at)
            return found

    def _prepared(
        self,
        subscription: Subscription,
        verb: Callable[[], Change],
        *,
        cancel: bool,
        origin: Origin,
        at: dt.datetime,
        plan: Plan | None = None,
    ) -> Subscription:
        """What costs nothing now: an end with the period, going on, or a smaller plan from the renewal on."""
        _rehearsed(verb)
        customer = customer_of(subscription)
        with alone(customer):
            mirror(customer, at=at, origin=origin)
            _rehearsed(verb)
            price, seats = _as_paid(subscription)
            if plan is not None:
                needed = subscriptions.seats_needed(subscriptions.holder_of(subscription), plan)
                price, seats = _price(subscription, plan), min(needed, seats)
            charges.put(charges.remote_of(subscription), (price, seats), cancel_at_period_end=cancel)
            return _done(mirror(customer, at=at, origin=origin))


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
        with alone(customer_of(subscription)):
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
        # Afterwards they choose once more: what it costs may be another sum by then.
        plans = Addresses.of(customer.organization).plans
        raise ActionNeeded(payment_page(customer.holder, return_url=settings.PORTAL_URL + plans))


def _clear_the_way(customer: GatewayCustomer, plan: Plan, seats: int) -> None:
    """An earlier attempt may wait for the person's bank: for the same it is there to go on with."""
    for waiting, page in charges.waiting(customer):
        if (waiting.plan, waiting.seats) == (plan, seats) and page:
            raise ActionNeeded(page)
        charges.give_up(waiting)


def _as_paid(subscription: Subscription) -> tuple[str, int]:
    subscription.refresh_from_db()
    with in_our_words():
        return charges.as_paid(subscription, customer_of(subscription))


def _price(subscription: Subscription, plan: Plan) -> str:
    with in_our_words():
        return price_id(plan, plan.price_minor, subscription.currency)


def _done(found: Subscription | None) -> Subscription:
    """Stripe took it, and whatever it was is followed here."""
    if found is None:
        raise Unavailable
    return found


def gateway() -> Stripe:
    return Stripe()
