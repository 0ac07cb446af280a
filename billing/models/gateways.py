"""What a payment gateway told us, each event once, and who is who there."""

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.models.subscriptions import GatewayName, Subscription
from orgs.models import Organization


class GatewayCustomer(models.Model):
    """One holder as a gateway knows them: there before their first subscription, and after their last.

    Whoever acts on what the gateway told locks this row. `version` counts how often that
    happened: an answer that was fetched under one version is not acted upon under another, since
    somebody has acted on a later one meanwhile.

    Whoever has the gateway charge somebody holds `lease` meanwhile, since no lock of the database
    is held while the gateway is asked. `answers` counts what it answered then, and is part of each
    idempotency key: a request whose answer was lost is repeated, and after an answer the same
    request is a new one.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    gateway = models.CharField(_("gateway"), max_length=10, choices=GatewayName.choices)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    customer_id = models.CharField(_("customer there"), max_length=255, blank=True, default="")
    payment_method_id = models.CharField(max_length=255, blank=True, default="")
    # "Visa •••• 4242", as the gateway last told; empty where there is none.
    payment_method = models.CharField(_("payment method"), max_length=80, blank=True, default="")
    # When the person gave it: an older one that is heard of later does not take its place.
    payment_method_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(default=0)
    answers = models.PositiveIntegerField(default=0)
    lease = models.UUIDField(null=True, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    # So many seats of the subscription were charged there: those claimed since are yet to be told.
    charged_seats = models.PositiveIntegerField(default=0)
    # Who asked last for what costs, while it is not done: a payment may be confirmed hours later.
    acting_kind = models.CharField(max_length=10, blank=True, default="")
    acting_id = models.UUIDField(null=True, blank=True)

    class Meta:
        verbose_name = _("customer of a gateway")
        verbose_name_plural = _("customers of a gateway")
        constraints = [
            models.CheckConstraint(
                condition=Q(person=None, organization__isnull=False)
                | Q(person__isnull=False, organization=None),
                name="gateway_customer_has_one_holder",
            ),
            models.UniqueConstraint(
                fields=["gateway", "person"],
                condition=Q(person__isnull=False),
                name="gateway_customer_one_person",
            ),
            models.UniqueConstraint(
                fields=["gateway", "organization"],
                condition=Q(organization__isnull=False),
                name="gateway_customer_one_organization",
            ),
            models.UniqueConstraint(
                fields=["gateway", "customer_id"],
                condition=~Q(customer_id=""),
                name="gateway_customer_once",
            ),
        ]

    def __str__(self) -> str:
        return self.customer_id or str(self.pk)

    @property
    def holder(self) -> Any:
        """The person or the organization."""
        return self.person or self.organization


class GatewayEvent(models.Model):
    """One event of a gateway, stored in the transaction that acts on it.

    Ids alone: its body may hold personal data, and is a hint in any case: what it is
    about is fetched anew.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    gateway = models.CharField(_("gateway"), max_length=10, choices=GatewayName.choices)
    event_id = models.CharField(_("event"), max_length=255)
    kind = models.CharField(_("kind"), max_length=100)
    received_at = models.DateTimeField(_("received"), default=timezone.now)
    handled_at = models.DateTimeField(_("handled"), null=True, blank=True)
    subscription = models.ForeignKey(
        Subscription, on_delete=models.PROTECT, null=True, blank=True, related_name="gateway_events"
    )

    class Meta:
        verbose_name = _("gateway event")
        verbose_name_plural = _("gateway events")
        constraints = [
            models.UniqueConstraint(fields=["gateway", "event_id"], name="gateway_event_once"),
        ]
        indexes = [models.Index(fields=["-received_at", "id"], name="gateway_event_newest")]

    def __str__(self) -> str:
        return f"{self.kind} · {self.event_id}"
