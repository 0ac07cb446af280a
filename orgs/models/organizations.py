"""Organizations and who belongs to them."""

import uuid
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Person
from medimic.words import keep, words_of

LONGEST = 40


class OrganizationQuerySet(models.QuerySet["Organization"]):
    def visible_to(self, person: Person) -> "OrganizationQuerySet":
        """Those in which the person works; a patient sees no organization's pages."""
        return self.filter(
            memberships__person=person,
            memberships__ended_at=None,
            memberships__role__in=Membership.WORKING_ROLES,
        ).order_by("name", "id")


class Organization(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=150)
    slug = models.SlugField(_("address"), max_length=60, unique=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    # Empty where it was set up for its people.
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
    )

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        verbose_name = _("organization")
        verbose_name_plural = _("organizations")

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        is_new, fields = self._state.adding, kwargs.get("update_fields")
        if fields is not None and "name" not in fields:
            super().save(*args, **kwargs)
            return
        with transaction.atomic():
            super().save(*args, **kwargs)
            words = {word[:LONGEST] for word in words_of(f"{self.name} {self.slug}")}
            keep(self.words, words, is_new=is_new)

    def lock(self) -> "Organization":
        """Fresh, and locked until the transaction ends: changes of who belongs to it queue up here.

        Taken before any device's or account's lock.
        """
        return Organization.objects.select_for_update(no_key=True).get(pk=self.pk)

    def rename(self, name: str) -> bool:
        """Call it so from now on; its address stays. False if it is called so already."""
        if name == self.name:
            return False
        self.name = name
        self.save(update_fields=["name"])
        return True


class OrganizationWord(models.Model):
    """A word of an organization's name or address, by which support finds it; `save` keeps them."""

    id = models.BigAutoField(primary_key=True)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="words")
    word = models.CharField(max_length=LONGEST, db_index=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["organization", "word"], name="organization_word_once")
        ]

    def __str__(self) -> str:
        return self.word


class MembershipQuerySet(models.QuerySet["Membership"]):
    def living(self) -> "MembershipQuerySet":
        return self.filter(ended_at=None)

    def working(self) -> "MembershipQuerySet":
        """Of people who use the organization's plan: admins and providers, not patients."""
        return self.living().filter(role__in=Membership.WORKING_ROLES)

    def admins(self) -> "MembershipQuerySet":
        """Of those who can act as admins: a closed account can not."""
        return self.living().filter(role=Membership.Role.ADMIN, person__is_active=True)

    def with_people(self) -> "MembershipQuerySet":
        return self.select_related("person").order_by("person__last_name", "person__first_name", "id")


class Membership(models.Model):
    class Role(models.TextChoices):
        ADMIN = "admin", _("Admin")
        PROVIDER = "provider", _("Provider")
        PATIENT = "patient", _("Patient")

    WORKING_ROLES = (Role.ADMIN, Role.PROVIDER)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="memberships")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(_("role"), max_length=10, choices=Role.choices)
    created_at = models.DateTimeField(_("joined"), default=timezone.now, editable=False)
    ended_at = models.DateTimeField(_("left"), null=True, blank=True, editable=False)
    # When they were last told that a second factor is required here.
    factor_asked_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        verbose_name = _("member")
        verbose_name_plural = _("members")
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "person"],
                condition=models.Q(ended_at=None),
                name="membership_one_living",
            ),
            models.CheckConstraint(
                condition=models.Q(role__in=["admin", "provider", "patient"]), name="membership_known_role"
            ),
        ]
        indexes = [
            models.Index(fields=["person", "ended_at"]),
            models.Index(
                fields=["organization", "role", "-created_at", "id"],
                condition=models.Q(ended_at=None),
                name="membership_newest",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person} · {self.organization} ({self.get_role_display()})"

    @property
    def is_working(self) -> bool:
        return self.ended_at is None and self.role in self.WORKING_ROLES

    def become(self, role: str) -> bool:
        """Take another role; False if it is the present one, or the membership has ended."""
        if not Membership.objects.living().filter(pk=self.pk).exclude(role=role).update(role=role):
            return False
        self.role = role
        return True

    def end(self) -> bool:
        """Belong to it no longer; False if that was so before."""
        now = timezone.now()
        if not Membership.objects.living().filter(pk=self.pk).update(ended_at=now):
            return False
        self.ended_at = now
        return True
