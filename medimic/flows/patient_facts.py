"""What an organization sees of a patient. Its own pages are made of this, and so is the page on
which the patient reads what that is: neither can show more than the other."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Count
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from accounts.models import Person
from devices.models import DeviceAuthorization
from devices.presenters import DevicePresenter, DeviceRow
from medimic.formatting import Dates
from orgs import patients
from orgs.models import (
    Enrollment,
    Membership,
    Organization,
    QuestionnaireResponse,
    QuestionnaireVersion,
)

Reason = DeviceAuthorization.RevokedReason
MOST_DEVICES = 50
MOST_ANSWERS = 50


@dataclass(frozen=True)
class PatientRow:
    """One line of the list."""

    name: str
    phone_number: str
    # In use.
    devices: int
    since: str
    url: str


@dataclass(frozen=True)
class EnrollmentRow:
    """A questionnaire that a patient is to answer. `state` says where it is not given out."""

    title: str
    since: str
    state: str
    end_url: str


@dataclass(frozen=True)
class ResponseRow:
    """That a questionnaire was answered; what, stands on a page of its own."""

    title: str
    version: int
    answered: str
    url: str


def rows(memberships: Iterable[Membership], slug: str, dates: Dates) -> list[PatientRow]:
    """One query, for how many devices are in use."""
    memberships = list(memberships)
    counted = (
        DeviceAuthorization.objects.active()
        .filter(account__in=[row.person_id for row in memberships])
        .values("account")
        .annotate(number=Count("pk"))
        .order_by()
    )
    devices = dict(counted.values_list("account", "number"))
    prefix = reverse("organization_patients", args=[slug])
    return [
        PatientRow(
            name=row.person.name,
            phone_number=patients.readable(row.person.phone_number),
            devices=devices.get(row.person_id, 0),
            since=dates.date(row.created_at),
            url=f"{prefix}{row.person_id}/",
        )
        for row in memberships
    ]


def of(membership: Membership, *, viewer: Person, with_email: bool, may_revoke: bool) -> dict[str, Any]:
    """Everything on a patient's page; so many queries, however much there is. Addresses are for admins."""
    patient, organization, dates = membership.person, membership.organization, Dates.of(viewer)
    return {
        "patient": patient,
        "membership": membership,
        "phone_number": patients.readable(patient.phone_number),
        "patient_email": patient.email if with_email else "",
        "has_sign_in": bool(patient.email) or patient.has_usable_password(),
        "since": dates.date(membership.created_at),
        "devices": _devices(membership, viewer, dates, may_revoke=may_revoke),
        "enrollments": _enrollments(membership, dates),
        "responses": _responses(organization, patient, dates),
        "enrollable": _enrollable(membership),
    }


@dataclass(frozen=True)
class PatientDevice:
    """A device as the organization sees it: without the number in its row, and without the pages
    that are its person's own. `allowance_url` is there where the organization ended its access."""

    row: DeviceRow
    allowance_url: str = ""


def device_row(authorization: DeviceAuthorization, organization: Organization, dates: Dates) -> DeviceRow:
    return _for_others(DevicePresenter(dates).row(authorization), authorization, organization)


def _for_others(row: DeviceRow, authorization: DeviceAuthorization, organization: Organization) -> DeviceRow:
    shown = replace(row, phone_number="", url="", naming_url="", revocation_url="", link_url="", state_url="")
    if authorization.revoked_at is None:
        return shown
    told = {
        Reason.SELF: _("revoked by the patient"),
        Reason.DISUSE: _("revoked, not used for long"),
        Reason.STAFF: _("revoked by support"),
        Reason.ALLOWED: _("allowed again, not signed in yet"),
    }
    # Which other organization a patient has is not to be told.
    why = told.get(Reason(authorization.revoked_reason), _("revoked"))
    if _ended_here(authorization, organization):
        why = _("revoked by the organization")
    return replace(shown, status=replace(row.status, reason=why))


def _ended_here(authorization: DeviceAuthorization, organization: Organization) -> bool:
    return (
        authorization.revoked_reason == Reason.ORGANIZATION and authorization.revoked_in_id == organization.pk
    )


def _devices(
    membership: Membership, viewer: Person, dates: Dates, *, may_revoke: bool
) -> list[PatientDevice]:
    theirs = DeviceAuthorization.objects.visible_to(membership.person).listed().with_state()
    present = DevicePresenter(dates)
    prefix = reverse("organization_patient", args=[membership.organization.slug, membership.person_id])
    found = []
    for authorization in theirs.defer("push_token").order_by("-created_at", "id")[:MOST_DEVICES]:
        row = present.row(authorization)
        shown = _for_others(row, authorization, membership.organization)
        url = f"{prefix}devices/{authorization.pk}/"
        if may_revoke and row.revocation_url:
            shown = replace(shown, revocation_url=f"{url}revocation/")
        if authorization.issued_by_id == viewer.pk:
            # Whoever made the link may ask what became of it, and make it anew.
            shown = replace(shown, link_url=row.link_url, state_url=row.state_url)
        is_blocked = may_revoke and _ended_here(authorization, membership.organization)
        found.append(PatientDevice(shown, f"{url}allowance/" if is_blocked else ""))
    return found


def _enrollments(membership: Membership, dates: Dates) -> list[EnrollmentRow]:
    living = Enrollment.objects.living().filter(membership=membership).order_by("created_at", "id")
    enrollments = list(living)
    titles = _titles(enrollment.questionnaire_id for enrollment in enrollments)
    prefix = reverse("organization_patient", args=[membership.organization.slug, membership.person_id])
    found = []
    for enrollment in enrollments:
        version = titles[enrollment.questionnaire_id]
        is_given_out = version.state == QuestionnaireVersion.State.ACTIVE
        found.append(
            EnrollmentRow(
                title=version.title,
                since=dates.date(enrollment.created_at),
                state="" if is_given_out else pgettext("questionnaire", "Not given out any more"),
                end_url=f"{prefix}enrollments/{enrollment.pk}/ending/",
            )
        )
    return found


def _titles(questionnaires: Iterable[uuid.UUID]) -> dict[uuid.UUID, QuestionnaireVersion]:
    """The latest published version of each; one query."""
    published = QuestionnaireVersion.objects.published().filter(questionnaire__in=list(questionnaires))
    return {version.questionnaire_id: version for version in published.defer("items").order_by("number")}


def _responses(organization: Organization, patient: Person, dates: Dates) -> list[ResponseRow]:
    prefix = reverse("organization_patient", args=[organization.slug, patient.pk])
    found = QuestionnaireResponse.objects.for_organization(organization).filter(person=patient)
    return [
        ResponseRow(
            title=response.version.title,
            version=response.version.number,
            answered=dates.date_time(response.authored_at),
            url=f"{prefix}answers/{response.pk}/",
        )
        for response in found.order_by("-received_at", "id")[:MOST_ANSWERS]
    ]


def _enrollable(membership: Membership) -> list[tuple[uuid.UUID, str]]:
    """What the patient can be enrolled for: given out, and not among their own yet."""
    mine = Enrollment.objects.living().filter(membership=membership).values("questionnaire")
    active = QuestionnaireVersion.objects.active().of(membership.organization)
    rows = active.exclude(questionnaire__in=mine).order_by("title", "id")
    return [(pk, title) for pk, title in rows.values_list("questionnaire", "title")]
