"""Colleagues asked into a running session."""

import datetime as dt
import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Person
from medimic.fields import EncryptedTextField
from sessions_app.models.visits import Participant, Visit


class SessionInvitation(models.Model):
    """An invitation by e-mail to one session; the link's token is kept as a hash.

    `email_hash` is the keyed hash of the address, regardless of case: one open invitation for each.
    It is good until it is accepted, declined or withdrawn, or the session is over.
    """

    class State(models.TextChoices):
        OPEN = "open", pgettext_lazy("invitation", "Open")
        ACCEPTED = "accepted", pgettext_lazy("invitation", "Accepted")
        DECLINED = "declined", pgettext_lazy("invitation", "Declined")
        WITHDRAWN = "withdrawn", pgettext_lazy("invitation", "Withdrawn")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, related_name="invitations")
    email = EncryptedTextField(_("e-mail address"))
    email_hash = models.CharField(max_length=64, editable=False)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    state = models.CharField(max_length=9, choices=State.choices, default=State.OPEN)
    # When its mail was last written, and how often.
    sent_at = models.DateTimeField(default=timezone.now)
    sendings = models.PositiveSmallIntegerField(default=1)
    decided_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    participant = models.OneToOneField(
        Participant, on_delete=models.PROTECT, null=True, blank=True, related_name="invitation"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["visit", "email_hash"], condition=Q(state="open"), name="session_invitation_one_open"
            ),
            models.CheckConstraint(
                condition=Q(state="open", decided_at=None) | (~Q(state="open") & Q(decided_at__isnull=False)),
                name="session_invitation_decided",
            ),
            models.CheckConstraint(
                condition=Q(state="accepted", accepted_by__isnull=False)
                | (~Q(state="accepted") & Q(accepted_by=None)),
                name="session_invitation_accepted_by",
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)

    def is_good(self, at: dt.datetime) -> bool:
        """Whether it can still be accepted; asks for the session."""
        return self.state == self.State.OPEN and self.visit.status(at) is Visit.Status.ACTIVE

    def send_anew(self, token_hash: str, at: dt.datetime) -> None:
        """Under another token: a link that was sent before is none any more."""
        self.token_hash, self.sent_at = token_hash, at
        self.sendings += 1
        self.save(update_fields=["token_hash", "sent_at", "sendings"])

    def accept(self, at: dt.datetime, *, by: Person, participant: Participant) -> None:
        self.state, self.decided_at = self.State.ACCEPTED, at
        self.accepted_by, self.participant = by, participant
        self.save(update_fields=["state", "decided_at", "accepted_by", "participant"])

    def decline(self, at: dt.datetime) -> None:
        self._close(self.State.DECLINED, at)

    def withdraw(self, at: dt.datetime) -> None:
        self._close(self.State.WITHDRAWN, at)

    def _close(self, state: State, at: dt.datetime) -> None:
        self.state, self.decided_at = state, at
        self.save(update_fields=["state", "decided_at"])
