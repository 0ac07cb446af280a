"""What Stripe says that a change would cost, by the same sums that it charges it with."""

import dataclasses
import datetime as dt
from typing import Any

from billing.gateways import Quote
from billing.gateways import stripe_charges as charges
from billing.gateways.stripe_catalogue import price_id
from billing.gateways.stripe_client import client, in_our_words
from billing.gateways.stripe_mirror import customer_of
from billing.gateways.stripe_remote import line_of
from billing.models import Subscription


def preview(subscription: Subscription, ours: Quote, *, at: dt.datetime) -> Quote:
    """Our quote with Stripe's amounts, which may be off by a cent from ours. Raises `Unavailable`.

    Where a smaller plan is chosen for the renewal, Stripe would reckon from that one's price: then
    ours stands.
    """
    remote = charges.remote_of(subscription)
    with in_our_words():
        if (remote.price_id, remote.seats) != charges.as_paid(subscription, customer_of(subscription)):
            return ours
        unit = subscription.price_minor if ours.plan == subscription.plan else ours.plan.price_minor
        item: Any = {"id": remote.item_id, "price": price_id(ours.plan, unit, subscription.currency)}
        item["quantity"] = ours.seats
        found = client().v1.invoices.create_preview(
            {
                "subscription": remote.id,
                "subscription_details": {
                    "items": [item],
                    "proration_behavior": "always_invoice",
                    "proration_date": remote.proration_date(at),
                },
            }
        )
    return dataclasses.replace(
        ours,
        lines=tuple(line_of(line) for line in found.lines.data),
        tax_minor=sum(tax.amount for tax in found.total_taxes or []),
        due_minor=found.total,
    )
