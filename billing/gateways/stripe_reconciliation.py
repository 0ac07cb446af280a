"""Comparing all that lives here with all that lives at Stripe: for events that never came, answers that
were lost, and what could not be told at the time.

Harmless when run again, and beside everything else: it acts by the same mirror as an event.
"""

import datetime as dt
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.conf import settings
from django.utils import timezone

from billing.gateways import GatewayError, Unavailable
from billing.gateways import stripe_upkeep as upkeep
from billing.gateways.stripe_client import client, in_our_words
from billing.gateways.stripe_customers import alone
from billing.gateways.stripe_mirror import customer_by_id, mirror
from billing.gateways.stripe_remote import RemoteSubscription, subscription_of
from billing.models import GatewayCustomer, GatewayName, Invoice, Subscription

logger = logging.getLogger(__name__)

EVERY = dt.timedelta(hours=1)
PAGE = 100


@dataclass
class Report:
    """How many subscriptions were compared, differed and were followed, were told something, or failed."""

    compared: int = 0
    followed: int = 0
    told: int = 0
    failed: int = 0

    def __str__(self) -> str:
        return f"{self.compared} compared, {self.followed} followed, {self.told} told, {self.failed} failed"


def run(at: dt.datetime | None = None) -> Report:
    """Raises `Unavailable` where Stripe cannot be asked; what was done until then stays."""
    report = Report()
    if not settings.STRIPE_SECRET_KEY:
        return report
    at = at or timezone.now()
    living = {one.gateway_subscription: one for one in _living()}
    seen: set[str] = set()
    for customer_id, remote in _at_stripe():
        seen.add(remote.id)
        report.compared += 1
        if not _agree(living.get(remote.id), remote):
            _try(report, lambda id_=customer_id: _follow(report, id_, at))  # type: ignore[misc]
    for missing in living.keys() - seen:
        report.compared += 1
        _try(report, lambda id_=living[missing].gateway_customer: _follow(report, id_, at))  # type: ignore[misc]
    for subscription in _living():
        _try(report, lambda one=subscription: _tell(report, one, at))  # type: ignore[misc]
    return report


def job() -> None:
    """As the worker runs it."""
    report = run()
    if report.followed or report.failed:
        logger.warning("reconciliation with Stripe: %s", report)


def _living() -> Iterator[Subscription]:
    rows = Subscription.objects.living().filter(gateway=GatewayName.STRIPE).order_by("pk")
    return rows.select_related("person", "organization").iterator(chunk_size=500)


def _at_stripe() -> Iterator[tuple[str, RemoteSubscription]]:
    """All of ours that have not ended, with their customers."""
    with in_our_words():
        for one in client().v1.subscriptions.list({"limit": PAGE}).auto_paging_iter():
            customer_id = one.customer if isinstance(one.customer, str) else one.customer.id
            try:
                yield customer_id, subscription_of(one)
            except LookupError:
                continue


def _agree(found: Subscription | None, remote: RemoteSubscription) -> bool:
    """Whether nothing has to be followed. What was chosen here for the renewal is no difference."""
    if found is None:
        return not remote.is_living
    if not remote.is_living or remote.period.start != found.period.start:
        return False
    if remote.cancel_at_period_end != found.cancel_at_period_end or remote.seats > found.seats:
        return False
    if remote.plan not in (found.plan, found.next_plan):
        return False
    latest = Invoice.objects.filter(gateway=GatewayName.STRIPE, gateway_invoice=remote.latest_invoice)
    return latest.exclude(state=Invoice.State.OPEN).exists()


def _follow(report: Report, customer_id: str, at: dt.datetime) -> None:
    customer = customer_by_id(customer_id)
    if customer is not None:
        mirror(customer, at=at)
        report.followed += 1


def _tell(report: Report, subscription: Subscription, at: dt.datetime) -> None:
    customer = GatewayCustomer.objects.get(
        gateway=GatewayName.STRIPE, customer_id=subscription.gateway_customer
    )
    if subscription.seats > customer.charged_seats:
        with alone(customer):
            report.told += upkeep.tell_claimed(subscription, at)
        subscription.refresh_from_db()
    if upkeep.has_next(subscription, at):
        with alone(customer):
            report.told += upkeep.tell_next(subscription, at)


def _try(report: Report, act: Callable[[], None]) -> None:
    """One that fails leaves the others; Stripe being away ends it all, until the next time."""
    try:
        act()
    except Unavailable:
        raise
    except (GatewayError, LookupError, ValueError) as error:
        report.failed += 1
        logger.error("reconciliation with Stripe: %s", type(error).__name__, exc_info=error)
