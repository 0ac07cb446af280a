"""The gateway without another side: it writes invoices, and people pay them by transfer.

What is bought works at once. Staff note in the admin what has been paid (`billing.payments`);
what is not paid in time is past due (`billing.past_due`).
"""

import datetime as dt

from django.db import transaction

from accounts.models import Person
from billing import invoices, quotes, subscriptions
from billing.catalogue import Plan
from billing.gateways import Holder, Quote
from billing.lines import Line
from billing.models import GatewayName, Subscription
from billing.subscriptions import Change
from medimic.audit.log import Origin


class Offline:
    name = GatewayName.OFFLINE

    def preview(self, holder: Holder, plan: Plan, *, seats: int, at: dt.datetime) -> Quote:
        return quotes.quote(holder, plan, seats=seats, at=at)

    def subscribe(
        self, holder: Holder, plan: Plan, *, seats: int, by: Person | None, origin: Origin, at: dt.datetime
    ) -> Subscription:
        with transaction.atomic():
            change = subscriptions.start(holder, plan, seats=seats, by=by, origin=origin, at=at)
            return _charged(change, origin, at)

    def change(
        self, subscription: Subscription, plan: Plan, *, by: Person | None, origin: Origin, at: dt.datetime
    ) -> Subscription:
        with transaction.atomic():
            is_greater = subscriptions.is_greater(plan, subscription.plan)
            verb = subscriptions.upgrade if is_greater else subscriptions.downgrade
            return _charged(verb(subscription, plan, by=by, origin=origin, at=at), origin, at)

    def set_seats(
        self, subscription: Subscription, seats: int, *, by: Person | None, origin: Origin, at: dt.datetime
    ) -> Subscription:
        with transaction.atomic():
            return _charged(
                subscriptions.add_seats(subscription, seats, by=by, origin=origin, at=at), origin, at
            )

    def cancel(
        self, subscription: Subscription, *, by: Person | None, origin: Origin, at: dt.datetime
    ) -> Subscription:
        return subscriptions.cancel(subscription, by=by, origin=origin, at=at).subscription

    def resume(
        self, subscription: Subscription, *, by: Person | None, origin: Origin, at: dt.datetime
    ) -> Subscription:
        return subscriptions.resume(subscription, by=by, origin=origin, at=at).subscription

    def seats_claimed(
        self, subscription: Subscription, lines: tuple[Line, ...], *, origin: Origin, at: dt.datetime
    ) -> None:
        invoices.issue(subscription, lines, at=at, origin=origin)

    def payment_method_url(self, holder: Holder, *, return_url: str) -> str | None:
        return None


def _charged(change: Change, origin: Origin, at: dt.datetime) -> Subscription:
    invoices.issue(change.subscription, change.lines, at=at, origin=origin)
    return change.subscription


def gateway() -> Offline:
    return Offline()
