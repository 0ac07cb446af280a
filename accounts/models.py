"""People: everybody who can be known by the portal, with or without a sign-in."""

import uuid
import zoneinfo
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from accounts.alert_models import Alert
from accounts.mail_models import MailPreferences
from accounts.otp import Factor
from accounts.phone_hashes import PURPOSE as PHONE_PURPOSE
from accounts.search_models import LONGEST, PersonWord
from accounts.trust_models import TrustedBrowser
from medimic import crypto
from medimic.fields import EncryptedTextField
from medimic.followers import Topic, tell
from medimic.words import keep, words_of

__all__ = [
    "PHONE_PURPOSE",
    "Alert",
    "Factor",
    "MailPreferences",
    "Person",
    "PersonManager",
    "PersonWord",
    "TrustedBrowser",
    "validate_time_zone",
]

NAMES = {"first_name", "last_name", "display_name"}
SOUGHT = {*NAMES, "email"}


class PersonManager(BaseUserManager["Person"]):
    def create_user(self, email: str | None, password: str | None = None, **fields: Any) -> "Person":
        """Make a person; without a password they cannot sign in by one."""
        person = self.model(email=email, **fields)
        person.set_password(password)
        person.save(using=self._db)
        return person

    def create_superuser(self, email: str, password: str, **fields: Any) -> "Person":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, email: str | None) -> "Person":
        return self.get(email=(email or "").lower())


def validate_time_zone(name: str) -> None:
    if name not in zoneinfo.available_timezones():
        raise ValidationError(_("Choose a time zone from the list."))


class Person(AbstractBaseUser, PermissionsMixin):
    """One human being. Patients may have no e-mail, and then cannot sign in by one.

    `token_epoch` is what device tokens are compared with: raising it ends all
    of them at once, whoever issued them (`end_device_tokens`). `sign_in_epoch`
    is the same for what browsers hold (`end_sign_ins`).
    """

    class DateLocale(models.TextChoices):
        EN_GB = "en_GB", _("United Kingdom")
        EN_US = "en_US", _("United States")
        PL_PL = "pl_PL", _("Poland")
        DE_DE = "de_DE", _("Germany")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Lower case always (`save`, and a constraint): so "unique" means regardless of case.
    email = models.EmailField(_("e-mail"), unique=True, null=True, blank=True)
    first_name = models.CharField(_("first name"), max_length=100)
    last_name = models.CharField(_("last name"), max_length=100)
    display_name = models.CharField(
        _("display name"), max_length=120, blank=True, help_text=_("Shown to patients during sessions.")
    )
    phone_number = EncryptedTextField(_("phone number"), blank=True, default="")
    phone_hash = models.CharField(max_length=64, blank=True, default="", db_index=True, editable=False)
    language = models.CharField(_("language"), max_length=8, default="en")
    date_locale = models.CharField(
        _("dates"), max_length=8, choices=DateLocale.choices, default=DateLocale.EN_GB
    )
    time_zone = models.CharField(
        _("time zone"), max_length=64, default="UTC", validators=[validate_time_zone]
    )
    # Whether a device that used a link must wait until its digits are picked in the portal.
    confirm_devices = models.BooleanField(_("confirm new devices"), default=False)
    is_active = models.BooleanField(_("active"), default=True)
    is_staff = models.BooleanField(_("staff"), default=False)
    token_epoch = models.PositiveIntegerField(default=0, editable=False)
    sign_in_epoch = models.PositiveIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    objects = PersonManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = ["first_name", "last_name"]

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(email=None) | (models.Q(email=Lower("email")) & ~models.Q(email="")),
                name="person_email_lower_or_null",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.email = self.email.strip().lower() if self.email else None
        self.phone_hash = crypto.keyed_hash(PHONE_PURPOSE, self.phone_number) if self.phone_number else ""
        fields = kwargs.get("update_fields")
        if fields is not None and "phone_number" in fields:
            kwargs["update_fields"] = {*fields, "phone_hash"}
        if fields is not None and not SOUGHT.intersection(fields):
            super().save(*args, **kwargs)
            return
        with transaction.atomic():
            super().save(*args, **kwargs)
            keep(self.words, self.sought_words())

    def sought_words(self) -> set[str]:
        """What `accounts.search` finds them by: their names, and their address before the @."""
        local, _at, _domain = (self.email or "").partition("@")
        text = f"{self.first_name} {self.last_name} {self.display_name} {local}"
        return {word[:LONGEST] for word in words_of(text)}

    @property
    def name(self) -> str:
        """What other people of the portal read: the display name, or first and last name."""
        return self.display_name or self.get_full_name() or self.email or str(self.pk)

    def get_full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    def get_short_name(self) -> str:
        return self.first_name

    @property
    def initials(self) -> str:
        """One or two letters for the avatar."""
        words = self.name.replace(".", " ").split()
        return "".join(word[0] for word in (words[:1] + words[-1:] if len(words) > 1 else words)).upper()

    def change_profile(self, **fields: str) -> list[str]:
        """Set these fields; returns the names of those that differed."""
        changed = [name for name, value in fields.items() if getattr(self, name) != value]
        for name in changed:
            setattr(self, name, fields[name])
        if changed:
            self.save(update_fields=changed)
        if NAMES.intersection(changed):
            tell(Topic.PERSON_NAMED, self.pk)
        return changed

    def change_device_confirmation(self, is_wanted: bool) -> bool:
        """Whether devices that used a link must be confirmed; False if it is so already."""
        if self.confirm_devices == is_wanted:
            return False
        self.confirm_devices = is_wanted
        self.save(update_fields=["confirm_devices"])
        return True

    def end_device_tokens(self) -> None:
        """From the next request on, no token of any of this person's devices is taken."""
        self._raise_epoch("token_epoch")

    def end_sign_ins(self) -> None:
        """From the next request on, no browser is signed in as this person."""
        self._raise_epoch("sign_in_epoch")

    def _raise_epoch(self, field: str) -> None:
        type(self).objects.filter(pk=self.pk).update(**{field: models.F(field) + 1})
        self.refresh_from_db(fields=[field])

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        # Django's own covers the password alone; a browser compares this on each request.
        return salted_hmac(
            "accounts.Person.sign-in",
            f"{self.sign_in_epoch} {self.password}",
            secret=secret,
            algorithm="sha256",
        ).hexdigest()
