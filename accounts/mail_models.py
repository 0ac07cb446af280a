"""Which mails a person wants; who wants them and what switching means, `accounts.mail_preferences` says."""

from django.conf import settings
from django.db import models


class MailPreferences(models.Model):
    """One person's choices. Without a row the defaults hold.

    The switch of security alerts covers those on devices and browsers alone: of password, address
    and factors everybody is told.
    """

    person = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="mail_preferences",
    )
    new_sessions = models.BooleanField(default=False)
    session_summaries = models.BooleanField(default=True)
    security_alerts = models.BooleanField(default=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.person_id)

    def change(self, wanted: dict[str, bool]) -> list[str]:
        """Set these on a row that the caller has locked; returns the names of those that differed."""
        changed = [name for name, is_wanted in wanted.items() if getattr(self, name) != is_wanted]
        for name in changed:
            setattr(self, name, wanted[name])
        if changed:
            self.save(update_fields=changed)
        return changed
