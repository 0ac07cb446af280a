"""The renewals of subscriptions that nobody else renews: those that pay by invoice."""

import datetime as dt

from django.db import transaction
from django.utils import timezone

from billing import invoices, notices, subscriptions
from billing.models import GatewayName, Subscription

EVERY = dt.timedelta(minutes=15)


def run(at: dt.datetime | None = None) -> int:
    """Renew or end what is due, period by period; how many periods and ends. Harmless when run again.

    Each by itself: a job that dies leaves the others to the next one.
    """
    at = at or timezone.now()
    due = (
        Subscription.objects.living()
        .filter(gateway=GatewayName.OFFLINE, period_end__lte=at)
        .select_related("person", "organization")
        .order_by("period_end", "pk")
    )
    return sum(_catch_up(subscription, at) for subscription in due)


def _catch_up(subscription: Subscription, at: dt.datetime) -> int:
    """One period after the other: after a standstill of months each has an invoice of its own."""
    done = 0
    while _renewed(subscription, at):
        done += 1
    return done


def _renewed(subscription: Subscription, at: dt.datetime) -> bool:
    with transaction.atomic():
        try:
            change = subscriptions.renew(subscription, at=at)
        except subscriptions.Ended:
            return False
        if change.subscription.ended_at is not None:
            notices.ended(change.subscription)
            return True
        invoices.issue(change.subscription, change.lines, at=at)
        return bool(change.lines)
