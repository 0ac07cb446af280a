"""Which pushes a device wants, and when it wants quiet."""

import datetime as dt
import zoneinfo

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class PushKind(models.TextChoices):
    """What a device is told of by a push; each can be switched off."""

    PARTICIPANT_JOINED = "participant_joined", _("A participant joins")
    INVITATION_ACCEPTED = "invitation_accepted", _("An invitation is accepted")
    SESSION_EXPIRING = "session_expiring", _("A session is about to expire")


class PushSettings(models.Model):
    """What an account's device said of its pushes; one without a row wants all of them, at any hour.

    Each kind's switch has the kind's name. Quiet hours are local times of the account's time zone, and
    may span midnight. A newer authorization of the same account on the same device takes them over.
    """

    authorization = models.OneToOneField(
        "devices.DeviceAuthorization",
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="push_settings",
    )
    participant_joined = models.BooleanField(default=True)
    invitation_accepted = models.BooleanField(default=True)
    session_expiring = models.BooleanField(default=True)
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_until = models.TimeField(null=True, blank=True)
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(quiet_from=None, quiet_until=None)
                | (Q(quiet_from__isnull=False, quiet_until__isnull=False) & ~Q(quiet_from=F("quiet_until"))),
                name="push_settings_quiet_hours_whole",
            ),
        ]

    def __str__(self) -> str:
        return str(self.authorization_id)

    @property
    def kinds(self) -> list[PushKind]:
        """Those that are switched on."""
        return [kind for kind in PushKind if getattr(self, kind.value)]

    def wants(self, kind: PushKind, at: dt.datetime, zone: zoneinfo.ZoneInfo) -> bool:
        """Whether an alert of this kind is welcome at this instant, for somebody in that time zone."""
        return bool(getattr(self, kind.value)) and not self.is_quiet(at, zone)

    def is_quiet(self, at: dt.datetime, zone: zoneinfo.ZoneInfo) -> bool:
        begins, ends = self.quiet_from, self.quiet_until
        if begins is None or ends is None:
            return False
        local = at.astimezone(zone).time()
        if begins < ends:
            return begins <= local < ends
        return local >= begins or local < ends
