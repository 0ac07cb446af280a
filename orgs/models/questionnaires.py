"""Questionnaires of an organization, the patients who are enrolled for them, and their answers."""

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Person
from medimic.fields import EncryptedTextField
from orgs.models.organizations import Membership, Organization


class Questionnaire(models.Model):
    """What all versions of one questionnaire have in common: their organization, and who is enrolled."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="questionnaires")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("questionnaire")
        verbose_name_plural = _("questionnaires")

    def __str__(self) -> str:
        return str(self.id)

    @property
    def url(self) -> str:
        """What FHIR calls it by, in every version."""
        return f"urn:uuid:{self.pk}"


class VersionQuerySet(models.QuerySet["QuestionnaireVersion"]):
    def active(self) -> "VersionQuerySet":
        return self.filter(state=QuestionnaireVersion.State.ACTIVE)

    def published(self) -> "VersionQuerySet":
        """Those that were given out at some time; one can still be answered after it was retired."""
        return self.exclude(state=QuestionnaireVersion.State.DRAFT)

    def of(self, organization: Organization) -> "VersionQuerySet":
        return self.filter(questionnaire__organization=organization)

    def newest_of_each(self) -> "VersionQuerySet":
        """Of each questionnaire the one with the highest number."""
        later = QuestionnaireVersion.objects.filter(
            questionnaire=OuterRef("questionnaire"), number__gt=OuterRef("number")
        )
        return self.filter(~Exists(later))


class QuestionnaireVersion(models.Model):
    """One text of a questionnaire. A draft can be changed; once published it never is: a change
    makes the next version. `items` are those of a FHIR R4 Questionnaire, as `orgs.fhir` checks them."""

    class State(models.TextChoices):
        DRAFT = "draft", pgettext_lazy("questionnaire", "Draft")
        ACTIVE = "active", pgettext_lazy("questionnaire", "Published")
        RETIRED = "retired", pgettext_lazy("questionnaire", "Retired")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    questionnaire = models.ForeignKey(Questionnaire, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField(_("version"))
    title = models.CharField(_("title"), max_length=150)
    items = models.JSONField(default=list)
    state = models.CharField(max_length=7, choices=State.choices, default=State.DRAFT)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    published_at = models.DateTimeField(null=True, blank=True, editable=False)
    retired_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = VersionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["questionnaire", "number"], name="questionnaire_version_number"),
            models.UniqueConstraint(
                fields=["questionnaire"], condition=Q(state="draft"), name="questionnaire_one_draft"
            ),
            models.UniqueConstraint(
                fields=["questionnaire"], condition=Q(state="active"), name="questionnaire_one_active"
            ),
            models.CheckConstraint(
                condition=Q(state="draft", published_at=None, retired_at=None)
                | Q(state="active", published_at__isnull=False, retired_at=None)
                | Q(state="retired", published_at__isnull=False, retired_at__isnull=False),
                name="questionnaire_version_dated",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.title} {self.number}"

    @property
    def canonical(self) -> str:
        """What an answer names it by."""
        return f"urn:uuid:{self.questionnaire_id}|{self.number}"

    def rewrite(self, *, title: str, items: list[dict[str, Any]]) -> None:
        """Change a draft."""
        if self.state != self.State.DRAFT:
            raise ValueError(f"version {self.pk} is no draft")
        self.title, self.items = title, items
        self.save(update_fields=["title", "items"])

    def publish(self) -> bool:
        """Give it out, in place of the version that was given out so far; False if it is no draft."""
        now = timezone.now()
        drafts = QuestionnaireVersion.objects.filter(pk=self.pk, state=self.State.DRAFT)
        if not drafts.exists():
            return False
        siblings = QuestionnaireVersion.objects.filter(questionnaire=self.questionnaire_id)
        siblings.active().update(state=self.State.RETIRED, retired_at=now)
        drafts.update(state=self.State.ACTIVE, published_at=now)
        self.refresh_from_db()
        return True

    def retire(self) -> bool:
        """Give it out no longer; False if it is not given out."""
        active = QuestionnaireVersion.objects.active().filter(pk=self.pk)
        if not active.update(state=self.State.RETIRED, retired_at=timezone.now()):
            return False
        self.refresh_from_db()
        return True


class EnrollmentQuerySet(models.QuerySet["Enrollment"]):
    def living(self) -> "EnrollmentQuerySet":
        """Of patients who still are some: whoever left the organization answers it nothing."""
        return self.filter(ended_at=None, membership__ended_at=None, membership__role=Membership.Role.PATIENT)

    def of(self, person: Person) -> "EnrollmentQuerySet":
        return self.filter(membership__person=person)


class Enrollment(models.Model):
    """A patient who is to answer a questionnaire."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    questionnaire = models.ForeignKey(Questionnaire, on_delete=models.PROTECT, related_name="enrollments")
    membership = models.ForeignKey(Membership, on_delete=models.PROTECT, related_name="enrollments")
    created_at = models.DateTimeField(_("enrolled"), default=timezone.now, editable=False)
    ended_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = EnrollmentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["membership", "questionnaire"],
                condition=Q(ended_at=None),
                name="enrollment_one_living",
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None) | Q(ended_at__gte=F("created_at")), name="enrollment_ends_later"
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)

    def end(self) -> bool:
        """False if it had ended."""
        now = timezone.now()
        if not Enrollment.objects.filter(pk=self.pk, ended_at=None).update(ended_at=now):
            return False
        self.ended_at = now
        return True


class ResponseQuerySet(models.QuerySet["QuestionnaireResponse"]):
    def for_organization(self, organization: Organization) -> "ResponseQuerySet":
        """What it was answered, without the answers: listing them opens nothing."""
        return (
            self.filter(organization=organization)
            .select_related("version")
            .defer("content", "version__items")
        )


class QuestionnaireResponse(models.Model):
    """A patient's answers to one version: a FHIR R4 QuestionnaireResponse, encrypted.

    `client_id` is the device's own name for it: sent twice, it is kept once. `digest` is a keyed
    hash of what was sent, by which other answers under the same name are told.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    client_id = models.UUIDField(editable=False)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="questionnaire_responses"
    )
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="questionnaire_responses"
    )
    version = models.ForeignKey(QuestionnaireVersion, on_delete=models.PROTECT, related_name="responses")
    content = EncryptedTextField()
    digest = models.CharField(max_length=64, editable=False)
    authored_at = models.DateTimeField(_("answered"))
    received_at = models.DateTimeField(_("received"), default=timezone.now, editable=False)

    objects = ResponseQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "client_id"], name="questionnaire_response_once"),
        ]
        indexes = [
            models.Index(
                fields=["organization", "person", "-received_at", "id"], name="questionnaire_response_newest"
            ),
        ]

    def __str__(self) -> str:
        # Never what was answered: this text reaches logs and the admin.
        return str(self.id)
