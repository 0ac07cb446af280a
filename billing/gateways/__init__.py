"""How payments are made: one small interface, and which gateway is behind it.

A gateway decides nothing about plans. It tells its other side (if it has one), then calls the
verbs of `billing.subscriptions`, `billing.seats` and `billing.invoices`, which change the state,
record it and refuse what is not allowed. No gateway calls its other side while it holds a lock:
it asks first, with an idempotency key, and acts on what it was told, in one transaction.

    gateway = current()                     # for a new subscription
    gateway = gateway_of(subscription)      # for one that there is
    quote = gateway.preview(holder, TEAM, seats=3, at=now)
    subscription = gateway.subscribe(holder, TEAM, seats=3, by=person, origin=origin, at=now)
"""

import datetime as dt
import importlib
from dataclasses import dataclass
from typing import Protocol

from django.conf import settings

from accounts.models import Person
from billing.catalogue import Plan
from billing.lines import Line
from billing.models import GatewayName, Subscription
from medimic.audit.log import Origin
from orgs.models import Organization

Holder = Person | Organization


class GatewayError(Exception):
    """The gateway did not do it, and nothing has changed."""


class Declined(GatewayError):
    """The payment was refused; `reason` is the gateway's code, such as `card_declined`."""

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason)
        self.reason = reason


class ActionNeeded(GatewayError):
    """The person has to do something first, at `url`: enter a card, confirm a payment."""

    def __init__(self, url: str) -> None:
        super().__init__("action needed")
        self.url = url


class Unavailable(GatewayError):
    """The other side does not answer. Trying again later is safe."""


@dataclass(frozen=True)
class Quote:
    """What a change would cost, before the click.

    `lines` are without tax; `tax_minor` is the tax on them, `due_minor` what is charged today,
    both together. `next_minor` is charged at `next_at` and then each month, tax included.
    `effective_at` is when the change takes effect: now for what costs more, the period's end
    for what costs less (then `lines` are empty).
    """

    plan: Plan
    seats: int
    currency: str
    lines: tuple[Line, ...]
    tax_minor: int
    due_minor: int
    next_minor: int
    next_at: dt.datetime
    effective_at: dt.datetime


class Gateway(Protocol):
    """What every gateway does. All verbs raise `GatewayError` and what `billing.subscriptions`'
    verbs raise, and then have changed nothing."""

    name: GatewayName

    def preview(self, holder: Holder, plan: Plan, *, seats: int, at: dt.datetime) -> Quote:
        """What `subscribe`, `change` or `set_seats` would charge."""
        ...

    def subscribe(
        self, holder: Holder, plan: Plan, *, seats: int, by: Person | None, origin: Origin, at: dt.datetime
    ) -> Subscription:
        """Start a plan for a holder who has none, at once."""
        ...

    def change(
        self, subscription: Subscription, plan: Plan, *, by: Person | None, origin: Origin, at: dt.datetime
    ) -> Subscription:
        """An upgrade at once, by the day pro rata; a downgrade at the period's end."""
        ...

    def set_seats(
        self, subscription: Subscription, seats: int, *, by: Person | None, origin: Origin, at: dt.datetime
    ) -> Subscription:
        """Pay for so many seats from today on; never fewer than now, that comes by itself at the renewal."""
        ...

    def cancel(
        self, subscription: Subscription, *, by: Person | None, origin: Origin, at: dt.datetime
    ) -> Subscription:
        """Have it end with the period."""
        ...

    def resume(
        self, subscription: Subscription, *, by: Person | None, origin: Origin, at: dt.datetime
    ) -> Subscription:
        """Let it go on after all; takes a downgrade back, too."""
        ...

    def seats_claimed(
        self, subscription: Subscription, lines: tuple[Line, ...], *, origin: Origin, at: dt.datetime
    ) -> None:
        """Charge for seats that `billing.seats.claim` has just added to a locked subscription, in its
        transaction; `lines` are what they cost. A gateway with another side tells it after the
        commit (`transaction.on_commit`): how many seats there are, not how many more, so that
        telling it twice is harmless."""
        ...

    def payment_method_url(self, holder: Holder, *, return_url: str) -> str | None:
        """The page where the payment method is changed; None where there is none to change."""
        ...


def current() -> Gateway:
    """The gateway of new subscriptions: Stripe where its keys are set, otherwise the offline one."""
    return _gateway(GatewayName.STRIPE if getattr(settings, "STRIPE_SECRET_KEY", "") else GatewayName.OFFLINE)


def gateway_of(subscription: Subscription) -> Gateway:
    """The gateway that a subscription was made with, and stays with."""
    return _gateway(GatewayName(subscription.gateway))


def _gateway(name: GatewayName) -> Gateway:
    # Here and not at the top: gateways import what they raise from here.
    module = importlib.import_module(f"billing.gateways.{name.value}")
    gateway: Gateway = module.gateway()
    return gateway
