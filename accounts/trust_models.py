"""Browsers that a person trusts; what it means, `accounts.trusted_browsers` says."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone


class TrustedBrowser(models.Model):
    """One person's trust in one browser, known by a cookie of 256 random bits that is kept as a hash.

    `stamp` is of what the person's sign-in rested on: once that differs, the row counts for nothing.
    `is_proved` says that a second factor was shown there.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="trusted_browsers"
    )
    token_hash = models.CharField(max_length=64)
    stamp = models.CharField(max_length=64)
    is_proved = models.BooleanField(default=False)
    address = models.CharField(max_length=45, blank=True, default="")
    agent = models.CharField(max_length=300, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["person", "token_hash"], name="trusted_browser_once"),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")), name="trusted_browser_expires_later"
            ),
        ]
        indexes = [models.Index(fields=["expires_at"], name="trusted_browser_expiry")]

    def __str__(self) -> str:
        return str(self.pk)

    def seen(self, address: str, agent: str) -> None:
        """It was just signed in with."""
        self.last_used_at, self.address, self.agent = timezone.now(), address, agent
        self.save(update_fields=["last_used_at", "address", "agent"])
