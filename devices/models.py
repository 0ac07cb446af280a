"""Devices, the leave of accounts to use them, and the tokens that prove it."""

import datetime as dt
import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from medimic.fields import EncryptedTextField
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
    model = models.CharField(_("model"), max_length=100)
    device_type = models.CharField(_("type"), max_length=10, choices=DeviceType.choices)
    platform = models.CharField(_("platform"), max_length=10, choices=Platform.choices)
    os_version = models.CharField(_("OS version"), max_length=40)
    app_version = models.CharField(_("app version"), max_length=40)
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
        ]

    def __str__(self) -> str:
        return f"{self.model} · {self.os}"

    @property
    def os(self) -> str:
        """Operating system with its version, e.g. "iOS 17.4"."""
        return f"{self.get_platform_display()} {self.os_version}".strip()


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
        STAFF = "staff", _("revoked by support")
        SUCCEEDED = "succeeded", _("signed in again")
        CANCELLED = "cancelled", _("link cancelled")

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
    successor = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="predecessors"
    )
    push_service = models.CharField(max_length=10, blank=True, default="")
    push_token = EncryptedTextField(blank=True, default="")

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
                condition=Q(push_service="", push_token="") | (~Q(push_service="") & ~Q(push_token="")),
                name="authorization_push_pair",
            ),
        ]
        indexes = [
            models.Index(fields=["account", "-created_at", "id"], name="authorization_by_account"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def title(self) -> str:
        """What a person calls it: its name, or model and system, or that it is awaited."""
        return self.name or (str(self.device) if self.device else str(_("New device")))


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
    differ, the family is dead without having been touched.
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
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_reason = models.CharField(max_length=12, choices=EndedReason.choices, blank=True, default="")

    class Meta:
        indexes = [models.Index(fields=["authorization"], condition=Q(ended_at=None), name="family_living")]

    def __str__(self) -> str:
        return str(self.id)


class Token(models.Model):
    """One opaque token, kept as a hash.

    Access and refresh tokens belong to a family; a session token belongs to an
    authorization and to one session (`session_id`, of a floor above). A refresh
    token points to the one that it was exchanged for.
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
                    Q(kind="session", family=None, session_id__isnull=False)
                    | (~Q(kind="session") & Q(family__isnull=False, session_id=None))
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


ACCESS_LIFETIME = dt.timedelta(minutes=15)
REFRESH_LIFETIME = dt.timedelta(days=30)
FAMILY_LIFETIME = dt.timedelta(days=180)
