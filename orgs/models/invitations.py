"""Invitations to an organization, by e-mail."""

import datetime as dt
import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Person
from medimic import crypto
from medimic.fields import EncryptedTextField
from orgs.models.organizations import Membership, Organization

EMAIL_PURPOSE = "organization-invitation"
LIFETIME = dt.timedelta(days=14)


def email_hash(email: str) -> str:
    """What an address is found by, regardless of case."""
    return crypto.keyed_hash(EMAIL_PURPOSE, email.strip().lower())


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def open(self) -> "InvitationQuerySet":
        """Those that nobody has decided on; one that ran out is among them, and can be sent again."""
        return self.filter(state=Invitation.State.OPEN)

    def good(self) -> "InvitationQuerySet":
        """Those whose link still works."""
        return self.open().filter(expires_at__gt=timezone.now())

    def to(self, email: str) -> "InvitationQuerySet":
        return self.filter(email_hash=email_hash(email))

    def with_token(self, token: str) -> "InvitationQuerySet":
        return self.filter(token_hash=crypto.token_hash(token))


class Invitation(models.Model):
    """Somebody asked into an organization in a role; the mailed link's token is kept as a hash.

    One open invitation for each address and organization. Sending it again makes a new token
    and a new `sending`, by which a mail that is still on its way knows that it is out of date.
    """

    class State(models.TextChoices):
        OPEN = "open", pgettext_lazy("invitation", "Open")
        ACCEPTED = "accepted", pgettext_lazy("invitation", "Accepted")
        DECLINED = "declined", pgettext_lazy("invitation", "Declined")
        WITHDRAWN = "withdrawn", pgettext_lazy("invitation", "Withdrawn")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="invitations")
    email = EncryptedTextField(_("e-mail address"))
    email_hash = models.CharField(max_length=64, editable=False)
    role = models.CharField(_("role"), max_length=10, choices=Membership.Role.choices)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    sending = models.UUIDField(default=uuid.uuid4, editable=False, db_index=True)
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    # Whoever invited was shown what one more seat costs, and agreed: accepting may add one.
    adds_seat = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(_("invited"), default=timezone.now, editable=False)
    sent_at = models.DateTimeField(_("sent"), default=timezone.now, editable=False)
    expires_at = models.DateTimeField(_("expires"))
    state = models.CharField(max_length=9, choices=State.choices, default=State.OPEN)
    decided_at = models.DateTimeField(null=True, blank=True, editable=False)
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    objects = InvitationQuerySet.as_manager()

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "email_hash"], condition=Q(state="open"), name="invitation_one_open"
            ),
            models.CheckConstraint(
                condition=Q(role__in=["admin", "provider", "patient"]), name="invitation_known_role"
            ),
            models.CheckConstraint(
                condition=Q(state="open", decided_at=None) | (~Q(state="open") & Q(decided_at__isnull=False)),
                name="invitation_decided",
            ),
            models.CheckConstraint(
                condition=Q(state="accepted", accepted_by__isnull=False)
                | (~Q(state="accepted") & Q(accepted_by=None)),
                name="invitation_accepted_by",
            ),
        ]
        indexes = [
            models.Index(
                fields=["organization", "-created_at", "id"],
                condition=Q(state="open"),
                name="invitation_open_newest",
            ),
            models.Index(fields=["organization", "created_at"], name="invitation_by_day"),
            models.Index(fields=["organization", "email_hash", "created_at"], name="invitation_by_address"),
        ]

    def __str__(self) -> str:
        return str(self.id)

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.email = self.email.strip().lower()
        self.email_hash = email_hash(self.email)
        super().save(*args, **kwargs)

    def is_good(self, at: dt.datetime) -> bool:
        return self.state == self.State.OPEN and self.expires_at > at

    def renew(self) -> str:
        """Make a new link in place of the old one, good for as long as a first one; returns its token."""
        token = crypto.new_token()
        self.token_hash = crypto.token_hash(token)
        self.sending = uuid.uuid4()
        self.sent_at = timezone.now()
        self.expires_at = self.sent_at + LIFETIME
        if not self._state.adding:
            self.save(update_fields=["token_hash", "sending", "sent_at", "expires_at"])
        return token

    def accept(self, person: Person) -> bool:
        """False if it was not good any more; of any number at once, one gets True."""
        return self._decide(self.State.ACCEPTED, Invitation.objects.good(), accepted_by=person)

    def decline(self) -> bool:
        return self._decide(self.State.DECLINED, Invitation.objects.good())

    def withdraw(self) -> bool:
        """Take it back; one that ran out, too."""
        return self._decide(self.State.WITHDRAWN, Invitation.objects.open())

    def _decide(self, state: State, among: InvitationQuerySet, **fields: Any) -> bool:
        changes = {"state": state, "decided_at": timezone.now(), **fields}
        # Not a link that was replaced since it was looked at.
        if not among.filter(pk=self.pk, token_hash=self.token_hash).update(**changes):
            return False
        for name, value in changes.items():
            setattr(self, name, value)
        return True
