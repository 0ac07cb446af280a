"""Devices, the leave of accounts to use them, and the tokens that prove it."""

import datetime as dt
import uuid
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Person
from accounts.phone_hashes import phone_hash
from devices.keys import PublicKey, thumbprint
from devices.models.words import LONGEST
from devices.versions import VersionKeyField
from medimic.fields import EncryptedTextField
from medimic.words import keep, words_of
from orgs.models import Organization


class DeviceType(models.TextChoices):
    PHONE = "phone", _("Phone")
    TABLET = "tablet", _("Tablet")
    COMPUTER = "computer", _("Computer")


class Platform(models.TextChoices):
    IOS = "ios", "iOS"
    IPADOS = "ipados", "iPadOS"
    ANDROID = "android", "Android"
    MACOS = "macos", "macOS"
    WINDOWS = "windows", "Windows"
    LINUX = "linux", "Linux"
    CHROMEOS = "chromeos", "ChromeOS"


POOL = ("owner_organization", "place", "pool_ended_at")
VERSION_KEYS = (("os_version", "os_version_key"), ("app_version", "app_version_key"))


def os_name(platform: str, version: str) -> str:
    """The platform's label and the version; a Linux that gives its own name bears that."""
    if platform == Platform.LINUX.label and version[:1].isalpha():
        return version
    return f"{platform} {version}".strip()


class Device(models.Model):
    """One physical device, however often the app is installed on it.

    `identifier_hash` is the keyed hash of the identifier in its secure store.
    At most one of the owners is set; `guest_owned` says that a guest is it.
    Without any, the device waits for its next sign-in to find an owner.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    identifier_hash = models.CharField(max_length=64, unique=True, editable=False)
    owner_person = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="owned_devices",
    )
    owner_organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, null=True, blank=True, related_name="pooled_devices"
    )
    guest_owned = models.BooleanField(default=False)
    place = models.CharField(_("place"), max_length=100, blank=True, default="")
    # Of a pooled device: when its organization revoked it, for every account at once.
    pool_ended_at = models.DateTimeField(null=True, blank=True)
    model = models.CharField(_("model"), max_length=100)
    device_type = models.CharField(_("type"), max_length=10, choices=DeviceType.choices)
    platform = models.CharField(_("platform"), max_length=10, choices=Platform.choices)
    # Of a Linux, also its name. Empty where a browser does not tell.
    os_version = models.CharField(_("OS version"), max_length=40, blank=True)
    # Empty for a browser: it runs no app of ours.
    app_version = models.CharField(_("app version"), max_length=40, blank=True)
    os_version_key = VersionKeyField(of="os_version")
    app_version_key = VersionKeyField(of="app_version")
    first_seen_at = models.DateTimeField(_("first seen"), default=timezone.now)
    last_seen_at = models.DateTimeField(_("last seen"), default=timezone.now)

    class Meta:
        verbose_name = _("device")
        verbose_name_plural = _("devices")
        constraints = [
            models.CheckConstraint(
                condition=(
                    Q(owner_person=None, owner_organization=None)
                    | Q(owner_person=None, guest_owned=False)
                    | Q(owner_organization=None, guest_owned=False)
                ),
                name="device_one_owner",
            ),
            models.CheckConstraint(
                condition=Q(pool_ended_at=None) | Q(owner_organization__isnull=False),
                name="device_ended_in_pool",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model} · {self.os}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        fields = kwargs.get("update_fields")
        if fields is not None:
            kwargs["update_fields"] = {*fields, *(key for field, key in VERSION_KEYS if field in fields)}
        super().save(*args, **kwargs)

    @property
    def os(self) -> str:
        """Operating system with its version, e.g. "iOS 17.4", "Ubuntu 24.04"."""
        return os_name(str(Platform(self.platform).label), self.os_version)

    @property
    def is_browser(self) -> bool:
        """A browser runs no app of ours."""
        return not self.app_version

    @property
    def is_owned(self) -> bool:
        return bool(self.owner_person_id or self.owner_organization_id or self.guest_owned)

    def has_account(self) -> bool:
        """Whether any account, guests aside, may use it now."""
        return self.authorizations.living().exclude(account=None).exists()

    def belong_to(self, person: Person | None) -> None:
        """Make a person its owner, in a guest's place too; with None it has no owner."""
        self.owner_person = person
        self.guest_owned = False
        self.save(update_fields=["owner_person", "guest_owned"])

    def join_pool(self, organization: Organization, place: str) -> None:
        """Make an organization its owner, in whoever's place."""
        self.owner_person, self.guest_owned = None, False
        self.owner_organization, self.place, self.pool_ended_at = organization, place, None
        self.save(update_fields=["owner_person", "guest_owned", *POOL])

    def leave_pool(self, person: Person | None) -> None:
        """Make a person its owner instead; with None it has no owner."""
        self.owner_organization, self.place, self.pool_ended_at = None, "", None
        self.owner_person = person
        self.save(update_fields=["owner_person", *POOL])

    def end_in_pool(self) -> bool:
        """Nobody can sign in on it from now on; False if that was so already."""
        if self.pool_ended_at is not None:
            return False
        self.pool_ended_at = timezone.now()
        self.save(update_fields=["pool_ended_at"])
        return True

    def reopen_in_pool(self) -> bool:
        if self.pool_ended_at is None:
            return False
        self.pool_ended_at = None
        self.save(update_fields=["pool_ended_at"])
        return True

    def move(self, place: str) -> bool:
        """Say where it stands; False if that is known already."""
        if place == self.place:
            return False
        self.place = place
        self.save(update_fields=["place"])
        return True

    def belong_to_guest(self) -> None:
        """Make the guest its owner, unless it has one."""
        if not self.is_owned:
            self.guest_owned = True
            self.save(update_fields=["guest_owned"])


class DeviceAuthorizationQuerySet(models.QuerySet["DeviceAuthorization"]):
    def visible_to(self, person: Person) -> "DeviceAuthorizationQuerySet":
        return self.filter(account=person)

    def beside(self, authorization: "DeviceAuthorization") -> "DeviceAuthorizationQuerySet":
        """All of the same account; a guest has the one alone."""
        if authorization.account_id is None:
            return self.filter(pk=authorization.pk)
        return self.filter(account=authorization.account_id)

    def living(self) -> "DeviceAuthorizationQuerySet":
        return self.filter(revoked_at=None)

    def listed(self) -> "DeviceAuthorizationQuerySet":
        """Without rows that gave way to a newer one, and links that came to nothing."""
        return self.filter(successor=None).exclude(
            revoked_reason__in=[
                DeviceAuthorization.RevokedReason.CANCELLED,
                DeviceAuthorization.RevokedReason.EXPIRED,
            ]
        )

    def active(self) -> "DeviceAuthorizationQuerySet":
        """Those whose device can use the account: signed in once, and not revoked."""
        return self.living().filter(device__isnull=False)

    def with_sign_in(self) -> "DeviceAuthorizationQuerySet":
        """With whether a device holds tokens that can still be used: `is_signed_in`. A browser, which
        holds a sign-in of the portal in their place, and a guest's device never do."""
        refresh_tokens = Token.objects.filter(
            authorization=OuterRef("pk"),
            kind=Token.Kind.REFRESH,
            rotated_at=None,
            ended_at=None,
            expires_at__gt=timezone.now(),
            family__ended_at=None,
            family__account_epoch=OuterRef("account__token_epoch"),
        )
        return self.annotate(is_signed_in=Exists(refresh_tokens))

    def with_state(self) -> "DeviceAuthorizationQuerySet":
        """With what a row's status is made of: `is_signed_in`, `link_expires_at` (of a link that
        is still good) and `is_asking` (a device used it and waits to be confirmed)."""
        links = Registration.objects.good().filter(authorization=OuterRef("pk")).order_by("-expires_at")
        asking = Confirmation.objects.waiting().filter(registration__authorization=OuterRef("pk"))
        return (
            self.with_sign_in()
            .select_related("device__owner_organization")
            .annotate(
                link_expires_at=links.values("expires_at")[:1],
                is_asking=Exists(asking),
            )
        )


class DeviceAuthorization(models.Model):
    """One account's leave to use one device: what Connected Devices lists and revokes.

    It exists from `device-register` on (pending, `device` is empty) and is
    attached by `device-login`. `account` is empty for a guest. A row that gave
    way to a newer one of the same pair points to it by `successor`.
    """

    class RevokedReason(models.TextChoices):
        SELF = "self", _("revoked by you")
        DISUSE = "disuse", _("revoked, not used for long")
        ORGANIZATION = "organization", _("revoked by your organization")
        LEFT = "left", _("ended, no longer in the organization")
        STAFF = "staff", _("revoked by support")
        SUCCEEDED = "succeeded", _("signed in again")
        CANCELLED = "cancelled", _("link cancelled")
        EXPIRED = "expired", _("link expired")
        ALLOWED = "allowed", _("allowed again, not signed in yet")

    # Only they who ended it can allow it again.
    BLOCKING_REASONS = (RevokedReason.ORGANIZATION, RevokedReason.STAFF)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="device_authorizations",
    )
    device = models.ForeignKey(
        Device, on_delete=models.PROTECT, null=True, blank=True, related_name="authorizations"
    )
    name = models.CharField(_("name"), max_length=100, blank=True)
    phone_number = EncryptedTextField(_("phone number"), blank=True, default="")
    # Finds it by its number; empty where that is none.
    phone_hash = models.CharField(max_length=64, blank=True, default="", editable=False)
    issued_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(_("registered"), default=timezone.now)
    activated_at = models.DateTimeField(_("signed in first"), null=True, blank=True)
    last_seen_at = models.DateTimeField(_("last active"), null=True, blank=True)
    signed_out_at = models.DateTimeField(_("signed out"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    revoked_reason = models.CharField(max_length=12, choices=RevokedReason.choices, blank=True, default="")
    # The organization that ended it, where one did: the one that can allow it again.
    revoked_in = models.ForeignKey(
        Organization, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    successor = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="predecessors"
    )
    push_service = models.CharField(max_length=10, blank=True, default="")
    push_token = EncryptedTextField(blank=True, default="")
    # Finds whoever else holds the same push token; empty without one.
    push_hash = models.CharField(max_length=64, blank=True, default="", editable=False)

    objects = DeviceAuthorizationQuerySet.as_manager()

    class Meta:
        verbose_name = _("device authorization")
        verbose_name_plural = _("device authorizations")
        constraints = [
            models.UniqueConstraint(
                fields=["device", "account"],
                condition=Q(revoked_at=None, device__isnull=False, account__isnull=False),
                name="authorization_one_living",
            ),
            models.UniqueConstraint(
                fields=["device"],
                condition=Q(revoked_at=None, device__isnull=False, account=None),
                name="authorization_one_living_guest",
            ),
            models.CheckConstraint(
                condition=Q(revoked_at=None, revoked_reason="")
                | (Q(revoked_at__isnull=False) & ~Q(revoked_reason="")),
                name="authorization_revoked_with_reason",
            ),
            models.CheckConstraint(
                condition=Q(device=None, activated_at=None)
                | Q(device__isnull=False, activated_at__isnull=False),
                name="authorization_active_with_device",
            ),
            models.CheckConstraint(
                condition=Q(push_service="", push_token="", push_hash="")
                | (~Q(push_service="") & ~Q(push_token="") & ~Q(push_hash="")),
                name="authorization_push_whole",
            ),
            models.UniqueConstraint(
                fields=["push_hash"], condition=~Q(push_hash=""), name="authorization_push_unique"
            ),
            models.CheckConstraint(
                condition=Q(revoked_at=None) | Q(push_hash=""), name="authorization_revoked_without_push"
            ),
        ]
        indexes = [
            models.Index(fields=["account", "-created_at", "id"], name="authorization_by_account"),
            models.Index(fields=["phone_hash"], condition=~Q(phone_hash=""), name="authorization_by_phone"),
        ]

    def __str__(self) -> str:
        return self.title

    def save(self, *args: Any, **kwargs: Any) -> None:
        is_new, fields = self._state.adding, kwargs.get("update_fields")
        if fields is None or "phone_number" in fields:
            self.phone_hash = phone_hash(self.phone_number)
            if fields is not None:
                kwargs["update_fields"] = {*fields, "phone_hash"}
        if fields is not None and not {"name", "device"}.intersection(fields):
            super().save(*args, **kwargs)
            return
        with transaction.atomic():
            super().save(*args, **kwargs)
            keep(self.words, self.sought_words(), is_new=is_new)

    def sought_words(self) -> set[str]:
        """What `devices.search` finds it by: its name and the model."""
        model = self.device.model if self.device else ""
        return {word[:LONGEST] for word in words_of(f"{self.name} {model}")}

    @property
    def title(self) -> str:
        """What a person calls it: its name, or model and system, or that it is awaited."""
        return self.name or (str(self.device) if self.device else str(_("New device")))

    @property
    def is_active(self) -> bool:
        return self.device_id is not None and self.revoked_at is None

    @property
    def is_blocked(self) -> bool:
        """Whether only they who ended it can allow it again."""
        return self.revoked_reason in self.BLOCKING_REASONS

    def attach(self, device: Device, *, name: str = "") -> None:
        """Become the living row of an account on a device: at its first sign-in there.

        Older rows of the pair give way and point here, so that their history shows
        under this one. The caller holds the device's lock.
        """
        now = timezone.now()
        older = list(
            DeviceAuthorization.objects.filter(device=device, account=self.account_id, successor=None)
            .exclude(pk=self.pk)
            .order_by("created_at", "id")
        )
        for row in older:
            row.revoke(by=None, reason=self.RevokedReason.SUCCEEDED)
        self.device = device
        self.name = self.name or name
        self.activated_at = self.last_seen_at = now
        attached = ["device", "name", "activated_at", "last_seen_at"]
        self.save(update_fields=None if self._state.adding else attached)
        DeviceAuthorization.objects.filter(pk__in=[row.pk for row in older]).update(successor=self)

    def revoke(
        self, *, by: Person | None, reason: RevokedReason, organization: Organization | None = None
    ) -> bool:
        """End it: no token of it is taken from the next request on, and nothing is pushed to it.

        False, without a change, if it has ended before. Ownership of the device is
        for `devices.actions.revoke` to pass on.
        """
        ending: dict[str, Any] = {
            "revoked_at": timezone.now(),
            "revoked_by": by,
            "revoked_reason": reason,
            "revoked_in": organization,
            **NO_PUSH,
        }
        if not DeviceAuthorization.objects.living().filter(pk=self.pk).update(**ending):
            return False
        for field, value in ending.items():
            setattr(self, field, value)
        self.key_pairs.filter(ended_at=None).update(ended_at=self.revoked_at)
        return True

    def allow_again(self, organization: Organization) -> bool:
        """Let its account sign in on the device again; False unless this organization ended it."""
        reasons = self.RevokedReason
        ended = DeviceAuthorization.objects.filter(
            pk=self.pk, revoked_reason=reasons.ORGANIZATION, revoked_in=organization
        )
        if not ended.update(revoked_reason=reasons.ALLOWED):
            return False
        self.revoked_reason = reasons.ALLOWED
        return True

    def lift_block(self) -> bool:
        """Let its account sign in on the device again, whoever blocked it; False where nobody did."""
        ended = DeviceAuthorization.objects.filter(pk=self.pk, revoked_reason__in=self.BLOCKING_REASONS)
        if not ended.update(revoked_reason=self.RevokedReason.ALLOWED):
            return False
        self.revoked_reason = self.RevokedReason.ALLOWED
        return True

    def rename(self, name: str) -> bool:
        """Call it so from now on; False if it is called so already."""
        if name == self.name:
            return False
        self.name = name
        self.save(update_fields=["name"])
        return True

    def sign_out(self) -> bool:
        """End its tokens, and leave push routing; the leave itself stays. False if none lived."""
        now = timezone.now()
        families = self.token_families.filter(ended_at=None, expires_at__gt=now)
        ended = families.update(ended_at=now, ended_reason=TokenFamily.EndedReason.SIGNED_OUT)
        self.tokens.filter(kind=Token.Kind.SESSION, ended_at=None).update(ended_at=now)
        ending: dict[str, Any] = {"signed_out_at": now, **NO_PUSH}
        DeviceAuthorization.objects.living().filter(pk=self.pk).update(**ending)
        return bool(ended)

    def bind_key(self, key: PublicKey | None) -> None:
        """Make this its one living public key; without one, nothing changes."""
        if key is None:
            return
        living = self.key_pairs.filter(ended_at=None)
        if living.filter(thumbprint=thumbprint(key)).exists():
            return
        living.update(ended_at=timezone.now())
        self.key_pairs.create(public_key=key.model_dump(), thumbprint=thumbprint(key))


NO_PUSH = {"push_service": "", "push_token": "", "push_hash": ""}


class RegistrationQuerySet(models.QuerySet["Registration"]):
    def good(self) -> "RegistrationQuerySet":
        """Those whose link still signs a device in."""
        return self.filter(used_at=None, cancelled_at=None, expires_at__gt=timezone.now())

    def reserving(self) -> "RegistrationQuerySet":
        """Those that hold a place: good ones, and used ones whose device waits to be confirmed."""
        waiting = Confirmation.objects.waiting().filter(registration=OuterRef("pk"))
        good = Q(used_at=None, cancelled_at=None, expires_at__gt=timezone.now())
        return self.filter(good | Exists(waiting))


class Registration(models.Model):
    """The one-time token inside a deep link, kept as a hash.

    The caller's device and key are kept with the use, so that a phone whose
    answer was lost can ask again, and nobody else can.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    authorization = models.ForeignKey(
        DeviceAuthorization, on_delete=models.PROTECT, related_name="registrations"
    )
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    used_identifier_hash = models.CharField(max_length=64, blank=True, default="")
    used_key_thumbprint = models.CharField(max_length=64, blank=True, default="")
    cancelled_at = models.DateTimeField(null=True, blank=True)

    objects = RegistrationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(used_at=None) | Q(cancelled_at=None), name="registration_used_or_cancelled"
            ),
            models.CheckConstraint(
                condition=Q(used_at=None, used_identifier_hash="")
                | (Q(used_at__isnull=False) & ~Q(used_identifier_hash="")),
                name="registration_used_with_device",
            ),
        ]
        indexes = [models.Index(fields=["authorization", "expires_at"])]

    def __str__(self) -> str:
        return str(self.id)


class RevocationReceipt(models.Model):
    """What a revocation ended: what was living, channel by channel, at the instant `revoked_at`.

    Counted and written in the transaction that revokes, and never again.
    """

    CHANNELS = (
        "browser_sign_ins",
        "access_tokens",
        "refresh_tokens",
        "session_tokens",
        "push_routes",
        "pending_registrations",
    )

    authorization = models.OneToOneField(
        DeviceAuthorization, on_delete=models.PROTECT, primary_key=True, related_name="receipt"
    )
    browser_sign_ins = models.PositiveIntegerField(default=0)
    access_tokens = models.PositiveIntegerField(default=0)
    refresh_tokens = models.PositiveIntegerField(default=0)
    session_tokens = models.PositiveIntegerField(default=0)
    push_routes = models.PositiveIntegerField(default=0)
    pending_registrations = models.PositiveIntegerField(default=0)
    # Whoever revoked it said that they do not know the device.
    is_unrecognized = models.BooleanField(default=False)

    def __str__(self) -> str:
        return str(self.authorization_id)

    @property
    def counts(self) -> dict[str, int]:
        return {channel: getattr(self, channel) for channel in self.CHANNELS}


class ConfirmationQuerySet(models.QuerySet["Confirmation"]):
    def waiting(self) -> "ConfirmationQuerySet":
        """Those that the person has yet to decide on, and still can."""
        return self.filter(
            state=Confirmation.State.WAITING,
            expires_at__gt=timezone.now(),
            registration__authorization__revoked_at=None,
        )


class Confirmation(models.Model):
    """A device that used a link, and is let in once its person picks the digits that it shows.

    `content` is what the device said of itself, its digits and the pairs to pick from, as
    JSON: encrypted, and erased with the decision. `poll_hash` is of the token with which
    the device asks for the outcome, `jkt` names the key that it then has to prove.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        CONFIRMED = "confirmed", _("Confirmed")
        REFUSED = "refused", _("Refused")
        MISTAKEN = "mistaken", _("Wrong digits picked")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    registration = models.OneToOneField(Registration, on_delete=models.PROTECT, related_name="confirmation")
    poll_hash = models.CharField(max_length=64, unique=True, editable=False)
    jkt = models.CharField(max_length=43, blank=True, default="")
    content = EncryptedTextField(blank=True, default="")
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    collected_at = models.DateTimeField(null=True, blank=True)

    objects = ConfirmationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=(Q(state="waiting", decided_at=None, decided_by=None) & ~Q(content=""))
                | (~Q(state="waiting") & Q(decided_at__isnull=False, decided_by__isnull=False, content="")),
                name="confirmation_erased_when_decided",
            ),
            models.CheckConstraint(
                condition=Q(collected_at=None) | Q(state="confirmed"), name="confirmation_collected_after"
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)

    def decide(self, state: State, *, by: Person) -> None:
        """Note what the person decided, and forget what was kept for it."""
        self.state = state
        self.decided_at = timezone.now()
        self.decided_by = by
        self.content = ""
        self.save(update_fields=["state", "decided_at", "decided_by", "content"])


class KeyPair(models.Model):
    """The public half of a device's ECDH P-256 key for one account, as a JWK.

    The private half never leaves the device. `thumbprint` is RFC 7638, base64url.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    authorization = models.ForeignKey(DeviceAuthorization, on_delete=models.PROTECT, related_name="key_pairs")
    public_key = models.JSONField()
    thumbprint = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["authorization"], condition=Q(ended_at=None), name="key_pair_one_living"
            ),
        ]

    def __str__(self) -> str:
        return self.thumbprint


class TokenFamily(models.Model):
    """All tokens that follow from one sign-in of a device, by rotation.

    `account_epoch` is the account's `token_epoch` at the sign-in: when the two
    differ, the family is dead without having been touched. `jkt` is the RFC 7638
    thumbprint of the key that the tokens are bound to (DPoP); empty, they are not.
    """

    class EndedReason(models.TextChoices):
        SIGNED_OUT = "signed_out"
        REPLACED = "replaced"
        REUSED = "reused"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    authorization = models.ForeignKey(
        DeviceAuthorization, on_delete=models.PROTECT, related_name="token_families"
    )
    account_epoch = models.PositiveIntegerField(default=0)
    jkt = models.CharField(max_length=43, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_reason = models.CharField(max_length=12, choices=EndedReason.choices, blank=True, default="")

    class Meta:
        indexes = [models.Index(fields=["authorization"], condition=Q(ended_at=None), name="family_living")]

    def __str__(self) -> str:
        return str(self.id)

    def end(self, reason: EndedReason) -> bool:
        """No token of it is taken any more; False if it had ended before."""
        ending = {"ended_at": timezone.now(), "ended_reason": reason}
        return bool(TokenFamily.objects.filter(pk=self.pk, ended_at=None).update(**ending))


class Token(models.Model):
    """One opaque token, kept as a hash.

    Access and refresh tokens belong to a family; a session token belongs to an
    authorization and to one session and one participant in it (`session_id` and
    `participant_id`, of a floor above), and bears the account's epoch and the key's
    `jkt` itself. Both halves of a pair point to the refresh token that they were
    given for; of that one, `rotated_at` tells that it is spent.
    """

    class Kind(models.TextChoices):
        ACCESS = "access"
        REFRESH = "refresh"
        SESSION = "session"

    hash = models.CharField(max_length=64, primary_key=True)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    authorization = models.ForeignKey(DeviceAuthorization, on_delete=models.PROTECT, related_name="tokens")
    family = models.ForeignKey(
        TokenFamily, on_delete=models.PROTECT, null=True, blank=True, related_name="tokens"
    )
    session_id = models.UUIDField(null=True, blank=True)
    participant_id = models.UUIDField(null=True, blank=True)
    account_epoch = models.PositiveIntegerField(default=0)
    jkt = models.CharField(max_length=43, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    first_used_at = models.DateTimeField(null=True, blank=True)
    rotated_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    predecessor = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="successors"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=(
                    Q(kind="session", family=None, session_id__isnull=False, participant_id__isnull=False)
                    | (~Q(kind="session") & Q(family__isnull=False, session_id=None, participant_id=None))
                ),
                name="token_family_or_session",
            ),
        ]
        indexes = [
            models.Index(fields=["session_id"], condition=Q(kind="session"), name="token_by_session"),
            models.Index(fields=["expires_at"], name="token_by_expiry"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.authorization_id}"

    @property
    def bound_to(self) -> str:
        """The thumbprint of the key that must prove it; empty for a bearer token."""
        return self.family.jkt if self.family else self.jkt


ACCESS_LIFETIME = dt.timedelta(minutes=15)
REFRESH_LIFETIME = dt.timedelta(days=30)
FAMILY_LIFETIME = dt.timedelta(days=180)
