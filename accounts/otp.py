"""The bridge from allauth's factors to django-otp's contract, `user.is_verified()`.

allauth owns the factors. django-otp asks for a model of its own: `Factor` is a
second, unmanaged view of allauth's table, so that no secret is copied and a
deleted factor ends the verification with it.
"""

from typing import Any

from django.conf import settings
from django.db import models
from django_otp.models import Device


class FactorManager(models.Manager["Factor"]):
    def devices_for_user(self, user: Any, confirmed: bool | None = None) -> models.QuerySet["Factor"]:
        """django-otp's question; whatever stands in allauth's table is confirmed."""
        rows = self.filter(user=user)
        return rows.none() if confirmed is False else rows


class Factor(Device):
    """An authenticator of allauth's, as django-otp sees it. It verifies no codes: allauth does."""

    # The table has neither column.
    name = None
    confirmed = True
    user: "models.ForeignKey[Any, Any]" = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False
    )
    type: "models.CharField[str, str]" = models.CharField(max_length=20)

    objects = FactorManager()

    class Meta:
        managed = False
        db_table = "mfa_authenticator"
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.type} {self.pk}"
