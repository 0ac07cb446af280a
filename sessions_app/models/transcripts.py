"""What a transcript is made of here: ciphertext, and keys wrapped for devices. We can open none of it."""

import datetime as dt
import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from devices.models import DeviceAuthorization
from sessions_app.models.visits import Participant, Visit

# How many segments ahead a participant may number, so that what was written without a network
# can still be delivered after the end.
RESERVED_AHEAD = 100
# A segment's ciphertext with its tag; one utterance is some hundred bytes.
LONGEST_SEGMENT = 16 * 1024


class EnvelopeQuerySet(models.QuerySet["Envelope"]):
    def of(self, authorization: DeviceAuthorization) -> "EnvelopeQuerySet":
        """Those that a device may be given: its account's, or, of a guest's, those made for itself."""
        if authorization.account_id is not None:
            return self.filter(person=authorization.account_id)
        return self.filter(person=None, authorization=authorization)


class Envelope(models.Model):
    """The session key, wrapped by one device for one device's public key.

    It is found by the recipient's `thumbprint`, and given to its account alone (`person`), or, where
    a guest's device is the recipient, to that `authorization`. `sender_key` is the JWK of who made it:
    the recipient compares it with the key that it has verified.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, related_name="envelopes")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="envelopes"
    )
    authorization = models.ForeignKey(
        DeviceAuthorization, on_delete=models.PROTECT, null=True, blank=True, related_name="envelopes"
    )
    thumbprint = models.CharField(max_length=43)
    sender_key = models.JSONField()
    # 32 bytes under RFC 3394: 40, in base64url.
    wrapped = models.CharField(max_length=54)
    created_at = models.DateTimeField(default=timezone.now)

    objects = EnvelopeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["visit", "thumbprint", "person"],
                condition=Q(person__isnull=False),
                name="envelope_one_for_a_key",
            ),
            models.UniqueConstraint(
                fields=["visit", "thumbprint", "authorization"],
                condition=Q(person=None),
                name="envelope_one_for_a_guests_key",
            ),
            models.CheckConstraint(
                condition=Q(person__isnull=False) | Q(authorization__isnull=False),
                name="envelope_has_a_reader",
            ),
        ]
        indexes = [models.Index(fields=["person", "thumbprint", "visit"], name="envelope_by_reader")]

    def __str__(self) -> str:
        return str(self.id)


class Segment(models.Model):
    """One encrypted piece of a transcript. `position` orders a session's segments as they arrived."""

    id = models.BigAutoField(primary_key=True)
    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, related_name="segments")
    participant = models.ForeignKey(Participant, on_delete=models.PROTECT, related_name="segments")
    sequence = models.PositiveIntegerField()
    position = models.PositiveBigIntegerField()
    nonce = models.BinaryField(max_length=12)
    ciphertext = models.BinaryField(max_length=LONGEST_SEGMENT)
    is_late = models.BooleanField(default=False)
    created_at = models.DateTimeField(_("arrived"), default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["participant", "sequence"], name="segment_one_for_a_sequence"),
            models.UniqueConstraint(fields=["visit", "position"], name="segment_one_for_a_position"),
            models.UniqueConstraint(fields=["visit", "nonce"], name="segment_nonce_once"),
            models.CheckConstraint(condition=Q(sequence__gte=1), name="segment_counts_from_one"),
        ]

    def __str__(self) -> str:
        return f"{self.participant_id}:{self.sequence}"


class KeyRequestQuerySet(models.QuerySet["KeyRequest"]):
    def open(self, at: dt.datetime) -> "KeyRequestQuerySet":
        """Those that can still be answered or decided."""
        return self.filter(state=KeyRequest.State.WAITING, expires_at__gt=at)


class KeyRequest(models.Model):
    """One of a person's devices asks the others for the key of a session, or for all that they can open.

    The handshake is that of joining a session, between the device that asks and the one that answers.
    """

    class State(models.TextChoices):
        WAITING = "waiting", pgettext_lazy("key request", "Waiting")
        APPROVED = "approved", pgettext_lazy("key request", "Approved")
        REFUSED = "refused", pgettext_lazy("key request", "Refused")
        WITHDRAWN = "withdrawn", pgettext_lazy("key request", "Withdrawn")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="key_requests"
    )
    authorization = models.ForeignKey(
        DeviceAuthorization, on_delete=models.PROTECT, related_name="key_requests"
    )
    visit = models.ForeignKey(
        Visit, on_delete=models.PROTECT, null=True, blank=True, related_name="key_requests"
    )
    state = models.CharField(max_length=9, choices=State.choices, default=State.WAITING)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(default=0, editable=False)

    commitment = models.CharField(max_length=43)
    responder = models.ForeignKey(
        DeviceAuthorization, on_delete=models.PROTECT, null=True, blank=True, related_name="key_answers"
    )
    responder_key = models.JSONField(null=True, blank=True)
    responder_nonce = models.CharField(max_length=43, blank=True, default="")
    public_key = models.JSONField(null=True, blank=True)
    thumbprint = models.CharField(max_length=43, blank=True, default="")
    nonce = models.CharField(max_length=43, blank=True, default="")
    # How many sessions' keys were carried over.
    carried = models.PositiveIntegerField(default=0)

    objects = KeyRequestQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["authorization"], condition=Q(state="waiting"), name="key_request_one_waiting"
            ),
            models.CheckConstraint(
                condition=Q(responder=None, responder_key=None, responder_nonce="")
                | (Q(responder__isnull=False, responder_key__isnull=False) & ~Q(responder_nonce="")),
                name="key_request_answered_whole",
            ),
            models.CheckConstraint(
                condition=Q(nonce="", public_key=None, thumbprint="")
                | (~Q(nonce="") & ~Q(thumbprint="") & ~Q(responder_nonce="") & Q(public_key__isnull=False)),
                name="key_request_reveals_last",
            ),
            models.CheckConstraint(
                condition=Q(state="waiting", decided_at=None)
                | (~Q(state="waiting") & Q(decided_at__isnull=False)),
                name="key_request_decided",
            ),
        ]
        indexes = [models.Index(fields=["person", "state", "expires_at"], name="key_request_open")]

    def __str__(self) -> str:
        return str(self.id)

    def is_open(self, at: dt.datetime) -> bool:
        return self.state == self.State.WAITING and at < self.expires_at

    # --- Its way. The caller holds the row's lock. --------------------------------------

    def answer(self, by: DeviceAuthorization, key: dict[str, str], nonce: str) -> None:
        """The answering device's half of the handshake, told once the asking one is committed."""
        self._change(responder=by, responder_key=key, responder_nonce=nonce)

    def reveal(self, key: dict[str, str], thumbprint: str, nonce: str) -> None:
        """The asking device's half, told once the other is there."""
        self._change(public_key=key, thumbprint=thumbprint, nonce=nonce)

    def carry(self, number: int, *, until: dt.datetime) -> None:
        """So many more keys are there; for the others there is time until then."""
        self._change(carried=self.carried + number, expires_at=until)

    def decide(self, state: State, at: dt.datetime) -> None:
        self._change(state=state, decided_at=at)

    def _change(self, **fields: Any) -> None:
        self.version += 1
        for field, value in fields.items():
            setattr(self, field, value)
        self.save(update_fields=[*fields, "version"])
