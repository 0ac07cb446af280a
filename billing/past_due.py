"""Invoices that fell due: who owes is told as the grace begins, after a week, and the day before it ends."""

import datetime as dt
import uuid

from django.db import transaction
from django.utils import timezone

from billing import notices, subscriptions
from billing.models import Invoice, Subscription
from medimic.audit.log import SYSTEM

DAYS = (0, 7, 13)
EVERY = dt.timedelta(hours=1)


def run(at: dt.datetime | None = None) -> None:
    """Note who is past due since the last time, and send the mails that are due; harmless when run again.

    Each subscription by itself: a job that dies leaves the others to the next one.
    """
    at = at or timezone.now()
    overdue = Invoice.objects.overdue(at).values("subscription")
    fresh = Subscription.objects.living().filter(pk__in=overdue, past_due_since=None)
    known = Subscription.objects.living().exclude(past_due_since=None)
    for rows in (fresh, known):
        for pk in list(rows.order_by("pk").values_list("pk", flat=True)):
            _see_to(pk, at)


def _see_to(pk: uuid.UUID, at: dt.datetime) -> None:
    with transaction.atomic():
        row = Subscription.objects.select_related("person", "organization").get(pk=pk)
        try:
            subscription = subscriptions.held(row)
        except subscriptions.Ended:
            return
        subscriptions.refresh_standing(subscription, at=at, origin=SYSTEM)
        day = _day_to_tell(subscription, at)
        if day is not None:
            subscription.reminded_day = day
            subscription.save(update_fields=["reminded_day"])
            notices.past_due(subscription, day)


def _day_to_tell(subscription: Subscription, at: dt.datetime) -> int | None:
    """The latest of `DAYS` that has come and was not told of; those that were missed are left out."""
    if subscription.past_due_since is None or (subscription.read_only_from or at) <= at:
        return None
    come = [day for day in DAYS if subscription.past_due_since + dt.timedelta(days=day) <= at]
    told = -1 if subscription.reminded_day is None else subscription.reminded_day
    return come[-1] if come and come[-1] > told else None
