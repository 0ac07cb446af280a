"""Subscriptions from before there were invoices: the period they are in is paid, and so is a seat
for everybody who works there."""

from typing import Any

from django.db import migrations
from django.utils import timezone

from billing.periods import period_containing


def fill(apps: Any, _schema_editor: Any) -> None:
    subscriptions = apps.get_model("billing", "Subscription").objects.all()
    memberships = apps.get_model("orgs", "Membership").objects
    now = timezone.now()
    for subscription in subscriptions.filter(period_end=None).iterator():
        at = subscription.ended_at or max(now, subscription.anchor_at)
        period = period_containing(at, subscription.anchor_at)
        working = memberships.filter(
            organization=subscription.organization_id, ended_at=None, role__in=["admin", "provider"]
        )
        seats = working.count() if subscription.organization_id else 1
        subscriptions.filter(pk=subscription.pk).update(
            period_start=period.start, period_end=period.end, seats=max(seats, 1)
        )


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0002_subscriptions_and_invoices"),
        ("orgs", "0005_policies"),
    ]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop, elidable=True)]
