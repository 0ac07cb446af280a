"""Alerts that were sent, as far as their link "This wasn't me" still works."""

import datetime as dt
import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from medimic import crypto
from medimic.fields import EncryptedTextField

LASTS = dt.timedelta(days=7)
# What an alert tells of was stored right before it.
LEEWAY = dt.timedelta(minutes=1)


class AlertQuerySet(models.QuerySet["Alert"]):
    def living(self) -> "AlertQuerySet":
        """Those whose page is still there, confirmed or not."""
        return self.filter(expires_at__gt=timezone.now())

    def of_token(self, token: str) -> "Alert | None":
        rows = self.living().select_related("person")
        return rows.filter(token_hash=crypto.token_hash(token)).first()


class Alert(models.Model):
    """One mail with a link that says "This wasn't me": used once, by confirming it on its page.

    `sent_to` is the address that was the account's when it was sent: whoever takes the
    account away may have changed it since.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="alerts")
    kind = models.CharField(max_length=64)
    token_hash = models.CharField(max_length=64, unique=True)
    sent_to = EncryptedTextField()
    subject = EncryptedTextField()
    # The device that it tells of, by its authorization's id: devices are a floor above.
    device_id = models.UUIDField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    objects = AlertQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(condition=Q(expires_at__gt=F("created_at")), name="alert_expires_later"),
        ]
        indexes = [
            models.Index(fields=["person"], condition=Q(used_at=None), name="alert_open"),
            models.Index(fields=["expires_at"], name="alert_expiry"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"

    @property
    def is_used(self) -> bool:
        return self.used_at is not None

    @property
    def since(self) -> dt.datetime:
        """From when on what was added to the account is in doubt."""
        return self.created_at - LEEWAY

    def use(self) -> bool:
        """Take it as confirmed, in the caller's transaction; of any number at once one does.

        With it go those that came later, which may have reached whoever it warned of, and
        those that went to the same mailbox. An earlier one to another mailbox stays good:
        it speaks for an owner from before.
        """
        # In one order, and before anything else is locked, so that two mails' links queue up.
        rows = Alert.objects.select_for_update().filter(person=self.person_id, used_at=None)
        still_open = list(rows.order_by("id"))
        if self.pk not in {alert.pk for alert in still_open}:
            return False
        now = timezone.now()
        done = [
            alert.pk
            for alert in still_open
            if alert.pk == self.pk or alert.created_at > self.created_at or alert.sent_to == self.sent_to
        ]
        Alert.objects.filter(pk__in=done).update(used_at=now)
        self.used_at = now
        return True
