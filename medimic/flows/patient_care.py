"""What a patient of an organization is to answer, and what they answered."""

import datetime as dt
import uuid
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from medimic.audit.log import Origin
from medimic.flows.patients import resolve
from medimic.formatting import Dates
from orgs import fhir, questionnaires
from orgs.models import Enrollment, Questionnaire, QuestionnaireResponse, QuestionnaireVersion
from orgs.standing import SignedInRequest


@login_required
@require_POST
def patient_enrollment(request: SignedInRequest, slug: str, person_id: uuid.UUID) -> HttpResponse:
    """Enroll a patient for a questionnaire that is given out."""
    organization, membership = resolve(request, slug, person_id)
    given_out = QuestionnaireVersion.objects.active().of(organization)
    version = get_object_or_404(given_out, questionnaire=_id(request.POST.get("questionnaire", "")))
    questionnaire = Questionnaire.objects.get(pk=version.questionnaire_id)
    questionnaires.enroll(membership=membership, questionnaire=questionnaire, origin=Origin.of(request))
    names = {"name": membership.person.name, "title": version.title}
    messages.success(request, _("%(name)s is enrolled for %(title)s.") % names)
    return redirect("organization_patient", slug, person_id)


@login_required
@require_POST
def patient_enrollment_ending(
    request: SignedInRequest, slug: str, person_id: uuid.UUID, enrollment_id: uuid.UUID
) -> HttpResponse:
    """Ask no more; what was answered stays."""
    _organization, membership = resolve(request, slug, person_id)
    theirs = Enrollment.objects.filter(membership=membership).select_related("membership")
    enrollment = get_object_or_404(theirs, pk=enrollment_id)
    if questionnaires.end_enrollment(enrollment=enrollment, origin=Origin.of(request)):
        messages.success(request, _("The enrollment has ended. Answers that came before stay."))
    return redirect("organization_patient", slug, person_id)


@login_required
@require_safe
def patient_answers(
    request: SignedInRequest, slug: str, person_id: uuid.UUID, response_id: uuid.UUID
) -> HttpResponse:
    """The answers themselves. Each reading is noted, where the patient sees it too."""
    organization, membership = resolve(request, slug, person_id)
    theirs = QuestionnaireResponse.objects.filter(organization=organization, person=membership.person)
    response = get_object_or_404(theirs.select_related("version"), pk=response_id)
    content = questionnaires.read(response=response, origin=Origin.of(request))
    dates = Dates.of(request.user)
    answers = fhir.answer_texts(response.version.items, content.get("item", []))
    context = {
        "organization": organization,
        "patient": membership.person,
        "version": response.version,
        "answered": dates.date_time(response.authored_at),
        "received": dates.date_time(response.received_at),
        "answers": [(text, _in_words(value, dates)) for text, _kind, value in answers],
    }
    return render(request, "patients/answers.html", context)


def _id(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise Http404 from None


def _in_words(value: Any, dates: Dates) -> str:
    """An answer as it is read; empty where there is none."""
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if isinstance(value, dt.date):
        return dates.day(value)
    return "" if value is None else str(value)
