"""Sessions: visits between a provider and a patient. The class is `Visit`, since
Django has a `Session` of its own; people and the API read "session"."""

import datetime as dt
import uuid
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Person
from devices.models import DeviceAuthorization
from orgs.models import Organization
from sessions_app.search import search_text


class ParticipantQuerySet(models.QuerySet["Participant"]):
    def admitted(self) -> "ParticipantQuerySet":
        return self.filter(state=Participant.State.ADMITTED)

    def waiting(self) -> "ParticipantQuerySet":
        """Those at the door."""
        return self.filter(state=Participant.State.WAITING, left_at=None)


class VisitQuerySet(models.QuerySet["Visit"]):
    def visible_to(self, person: Person) -> "VisitQuerySet":
        """Sessions that the person hosted or was admitted to; an organization's admin sees no other's.

        To find one by its key; lists are `sessions_app.history`'s.
        """
        taken_part_in = Participant.objects.admitted().filter(person=person).values("visit")
        return self.filter(Q(host=person) | Q(pk__in=taken_part_in))

    def visible_to_device(self, authorization: DeviceAuthorization) -> "VisitQuerySet":
        """What a device may read for its account. A guest's reaches the sessions that were made
        with this very authorization: a device that is known again brings none back."""
        if authorization.account is not None:
            return self.visible_to(authorization.account)
        return self.filter(authorization=authorization)

    def active(self, at: dt.datetime) -> "VisitQuerySet":
        return self.filter(ended_at=None, expires_at__gt=at)

    def ended(self) -> "VisitQuerySet":
        return self.filter(ended_at__isnull=False)

    def expired(self, at: dt.datetime) -> "VisitQuerySet":
        return self.filter(ended_at=None, expires_at__lte=at)

    def in_status(self, status: str, at: dt.datetime) -> "VisitQuerySet":
        if status == Visit.Status.ENDED:
            return self.ended()
        return self.active(at) if status == Visit.Status.ACTIVE else self.expired(at)

    def with_device(self) -> "VisitQuerySet":
        """The device of each, without what would have to be decrypted and nobody shows."""
        return self.select_related("authorization__device").defer(
            "authorization__phone_number", "authorization__push_token"
        )

    def newest_first(self) -> "VisitQuerySet":
        return self.order_by("-started_at", "-id")

    def bulk_create(self, objs: Iterable["Visit"], *args: Any, **kwargs: Any) -> list["Visit"]:
        visits = list(objs)
        for visit in visits:
            visit.search = search_text(visit.name, visit.code)
        return super().bulk_create(visits, *args, **kwargs)

    def release_code(self, code: str, at: dt.datetime) -> None:
        """Let an expired session give its code up; one that was ended has done so already."""
        self.filter(open_code=code, expires_at__lte=at).update(open_code=None)


class Visit(models.Model):
    """One session. Its status follows from its instants, never from a job that runs later.

    `code` is what the history shows. `open_code` is the same while it can be joined
    by it, and unique: two sessions may have had one code, never at the same time. A
    session that expired keeps it until another one wants it.
    """

    class Mode(models.TextChoices):
        SHARED_DEVICE = "shared_device", _("Shared Device")
        TWO_DEVICE = "two_device", _("Two-Device")

    class Status(models.TextChoices):
        ACTIVE = "active", pgettext_lazy("session", "Active")
        ENDED = "ended", pgettext_lazy("session", "Ended")
        EXPIRED = "expired", pgettext_lazy("session", "Expired")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("session name"), max_length=120)
    code = models.CharField(_("session code"), max_length=6)
    open_code = models.CharField(max_length=6, null=True, blank=True, unique=True, editable=False)
    mode = models.CharField(_("mode"), max_length=14, choices=Mode.choices)
    host = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="hosted_visits",
    )
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, null=True, blank=True, related_name="visits"
    )
    authorization = models.ForeignKey(DeviceAuthorization, on_delete=models.PROTECT, related_name="visits")
    started_at = models.DateTimeField(_("start"), default=timezone.now)
    expires_at = models.DateTimeField(_("expires"))
    ended_at = models.DateTimeField(_("end"), null=True, blank=True)
    # Goes up with every change that somebody who waits for one must learn of; it is also
    # where a segment's position comes from. Raised under the row's lock alone.
    version = models.PositiveBigIntegerField(default=0, editable=False)
    # The words of name and code as `sessions_app.search` compares them.
    search = models.TextField(blank=True, default="", editable=False)
    # When it was announced that it is about to expire; once.
    expiry_announced_at = models.DateTimeField(null=True, blank=True, editable=False)
    # When the job saw that it had expired, and wrote its summary; one that was ended needs no job.
    summarized_at = models.DateTimeField(null=True, blank=True, editable=False)
    idempotency_key = models.CharField(max_length=128, blank=True, default="", editable=False)
    request_digest = models.CharField(max_length=64, blank=True, default="", editable=False)

    objects = VisitQuerySet.as_manager()

    class Meta:
        verbose_name = _("session")
        verbose_name_plural = _("sessions")
        constraints = [
            models.UniqueConstraint(
                fields=["authorization", "idempotency_key"],
                condition=~Q(idempotency_key=""),
                name="visit_idempotent",
            ),
            models.CheckConstraint(condition=Q(expires_at__gt=F("started_at")), name="visit_expires_later"),
            models.CheckConstraint(
                condition=Q(ended_at=None) | Q(ended_at__gte=F("started_at")), name="visit_ends_later"
            ),
            models.CheckConstraint(
                condition=Q(open_code=None) | Q(open_code=F("code"), ended_at=None),
                name="visit_open_code_is_its_code",
            ),
        ]
        indexes = [
            # The history, and an index for whatever it is narrowed down to: with one for mode
            # and state together a page costs the same however rare the pair is.
            models.Index(fields=["host", "-started_at", "-id"], name="visit_by_host"),
            models.Index(fields=["host", "mode", "-started_at", "-id"], name="visit_by_host_mode"),
            models.Index(
                fields=["host", "-started_at", "-id"],
                condition=Q(ended_at__isnull=False),
                name="visit_ended_by_host",
            ),
            models.Index(
                fields=["host", "mode", "-started_at", "-id"],
                condition=Q(ended_at__isnull=False),
                name="visit_ended_by_host_mode",
            ),
            models.Index(
                fields=["host", "-started_at", "-id"], condition=Q(ended_at=None), name="visit_open_by_host"
            ),
            models.Index(
                fields=["host", "mode", "-started_at", "-id"],
                condition=Q(ended_at=None),
                name="visit_open_by_host_mode",
            ),
            # Of those that nobody ended, the few that are active.
            models.Index(
                fields=["host", "-expires_at"], condition=Q(ended_at=None), name="visit_open_by_expiry"
            ),
            # For the job that announces it: those that it has not seen.
            models.Index(
                fields=["expires_at"],
                condition=Q(ended_at=None, expiry_announced_at=None),
                name="visit_expiring",
            ),
            # For the job that sums up what has expired: likewise.
            models.Index(
                fields=["expires_at"],
                condition=Q(ended_at=None, summarized_at=None),
                name="visit_unsummarized",
            ),
            models.Index(fields=["authorization", "-started_at"], name="visit_by_authorization"),
            models.Index(fields=["organization", "-started_at"], name="visit_by_organization"),
        ]

    def __str__(self) -> str:
        # Never the name: this text reaches logs and the admin.
        return str(self.id)

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self._state.adding:
            self.search = search_text(self.name, self.code)
        super().save(*args, **kwargs)

    def status(self, at: dt.datetime) -> Status:
        if self.ended_at is not None:
            return self.Status.ENDED
        return self.Status.ACTIVE if at < self.expires_at else self.Status.EXPIRED

    def duration(self, at: dt.datetime) -> dt.timedelta:
        """How long it lasted, or lasts so far."""
        return (self.ended_at or min(at, self.expires_at)) - self.started_at

    @property
    def hosting(self) -> "Participant":
        """The host's own part in it; one query."""
        return self.participants.get(is_host=True)

    def is_hosted_by(self, authorization: DeviceAuthorization) -> bool:
        """Whether that device speaks for the host: its account, or the guest that started it."""
        if authorization.account_id is not None:
            return self.host_id == authorization.account_id
        return self.authorization_id == authorization.pk

    def end(self, at: dt.datetime) -> bool:
        """End it now, give its code up; False where it was over already."""
        over = Visit.objects.active(at).filter(pk=self.pk).update(ended_at=at, open_code=None) == 0
        if over:
            self.refresh_from_db(fields=["ended_at", "open_code"])
            return False
        self.ended_at, self.open_code = at, None
        self.participants.filter(left_at=None).update(left_at=at)
        self.bump()
        return True

    def announce_expiry(self, at: dt.datetime) -> bool:
        """Note that it was told to be about to expire; False where it was told before, or is over."""
        due = Visit.objects.active(at).filter(pk=self.pk, expiry_announced_at=None)
        if not due.update(expiry_announced_at=at):
            return False
        self.expiry_announced_at = at
        self.bump()
        return True

    def summarize(self, at: dt.datetime) -> bool:
        """Note that it expired and was summed up; False where it was before, or is not over that way."""
        due = Visit.objects.expired(at).filter(pk=self.pk, summarized_at=None)
        if not due.update(summarized_at=at):
            return False
        self.summarized_at = at
        return True

    def people_admitted(self) -> int:
        """How many took part, the host among them: who came again, or on a second device, counts once."""
        rows = self.participants.admitted().values_list("person_id", "authorization_id", "commitment", "id")
        return len(
            {
                # Who speaks on the host's own screen has the host's device, and committed to no key.
                person or (authorization if commitment else row)
                for person, authorization, commitment, row in rows
            }
        )

    def bump(self) -> int:
        """Note a change, so that whoever waits for one learns of it; the new version.

        In a transaction: whoever else changes the session waits for its end.
        """
        Visit.objects.filter(pk=self.pk).update(version=F("version") + 1)
        self.refresh_from_db(fields=["version"])
        return self.version


class Participant(models.Model):
    """Somebody in a session, on one device: an account, or a guest who gave a name.

    Who joins is waiting until the host admits them; the host, and who speaks on the host's
    own screen in Shared Device, are admitted from the start. Of the handshake (docs/encryption.md)
    `commitment`, `host_key`, `host_nonce`, `public_key` and `nonce` are kept as they came, base64url.
    """

    class Role(models.TextChoices):
        PROVIDER = "provider", _("Provider")
        PATIENT = "patient", _("Patient")
        INTERPRETER = "interpreter", _("Interpreter")
        OTHER = "other", _("Other")

    class State(models.TextChoices):
        WAITING = "waiting", pgettext_lazy("participant", "Waiting")
        ADMITTED = "admitted", pgettext_lazy("participant", "Admitted")
        REFUSED = "refused", pgettext_lazy("participant", "Refused")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, related_name="participants")
    # The visit's own, which never changes: lists of what somebody took part in follow it.
    visit_started_at = models.DateTimeField(editable=False)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="participations",
    )
    authorization = models.ForeignKey(
        DeviceAuthorization, on_delete=models.PROTECT, null=True, blank=True, related_name="participations"
    )
    name = models.CharField(_("name"), max_length=120)
    role = models.CharField(_("role"), max_length=12, choices=Role.choices)
    is_host = models.BooleanField(default=False)
    state = models.CharField(max_length=8, choices=State.choices, default=State.ADMITTED)
    joined_at = models.DateTimeField(_("joined"), default=timezone.now)
    decided_at = models.DateTimeField(null=True, blank=True)
    left_at = models.DateTimeField(_("left"), null=True, blank=True)
    # Goes up with each change of this row: what somebody who is not admitted may wait for.
    version = models.PositiveIntegerField(default=0, editable=False)

    commitment = models.CharField(max_length=43, blank=True, default="", editable=False)
    host_key = models.JSONField(null=True, blank=True, editable=False)
    host_nonce = models.CharField(max_length=43, blank=True, default="", editable=False)
    public_key = models.JSONField(null=True, blank=True, editable=False)
    thumbprint = models.CharField(max_length=43, blank=True, default="", editable=False)
    nonce = models.CharField(max_length=43, blank=True, default="", editable=False)

    # The highest sequence number that its device may use; raised while the session is active.
    reserved_up_to = models.PositiveIntegerField(default=0, editable=False)

    objects = ParticipantQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["visit"], condition=Q(is_host=True), name="participant_one_host"),
            models.CheckConstraint(
                condition=Q(is_host=False) | Q(state="admitted"), name="participant_host_is_admitted"
            ),
            models.CheckConstraint(
                condition=(Q(host_nonce="", host_key=None) | (~Q(host_nonce="") & Q(host_key__isnull=False))),
                name="participant_host_answers_whole",
            ),
            # Nobody reveals before the host's half is there: that order is what the digits rest on.
            models.CheckConstraint(
                condition=Q(nonce="", public_key=None, thumbprint="")
                | (~Q(nonce="") & ~Q(thumbprint="") & ~Q(host_nonce="") & Q(public_key__isnull=False)),
                name="participant_reveals_last",
            ),
        ]
        indexes = [
            models.Index(fields=["person", "visit"]),
            # What somebody was admitted to as a guest of another: few beside what they hosted.
            models.Index(
                fields=["person", "-visit_started_at", "-visit"],
                condition=Q(is_host=False, state="admitted"),
                name="participant_attended",
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self._state.adding and getattr(self, "visit_started_at", None) is None:
            self.visit_started_at = self.visit.started_at
        super().save(*args, **kwargs)

    @property
    def is_present(self) -> bool:
        """Whether they take part: admitted, and not gone."""
        return self.state == self.State.ADMITTED and self.left_at is None

    # --- Its way through the door. The caller holds the session's lock. ----------------

    def answer(self, key: dict[str, str], nonce: str) -> None:
        """The host's half of the handshake, told once the joiner is committed."""
        self._change(host_key=key, host_nonce=nonce)

    def reveal(self, key: dict[str, str], thumbprint: str, nonce: str) -> None:
        """The joiner's half, told once the host's is there."""
        self._change(public_key=key, thumbprint=thumbprint, nonce=nonce)

    def admit(self, role: str, *, reserving: int) -> None:
        """Let them in, as what the host says they are."""
        self._change(
            state=self.State.ADMITTED, role=role, decided_at=timezone.now(), reserved_up_to=reserving
        )

    def refuse(self) -> None:
        now = timezone.now()
        self._change(state=self.State.REFUSED, decided_at=now, left_at=now)

    def leave(self) -> None:
        self._change(left_at=timezone.now())

    def remove(self) -> None:
        """Send them out: the host decided once more, when they left."""
        now = timezone.now()
        self._change(left_at=now, decided_at=now)

    @property
    def was_removed(self) -> bool:
        return self.left_at is not None and self.left_at == self.decided_at

    def _change(self, **fields: Any) -> None:
        self.version += 1
        for field, value in fields.items():
            setattr(self, field, value)
        self.save(update_fields=[*fields, "version"])
