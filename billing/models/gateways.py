"""What a payment gateway told us, each event once."""

import uuid

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.models.subscriptions import GatewayName, Subscription


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
