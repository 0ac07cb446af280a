"""Questionnaires of an organization. Who works there reads them; admins write and publish them."""

import uuid
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from medimic.audit.log import Origin
from medimic.formatting import Dates
from medimic.pagination import page_of
from orgs import questionnaires
from orgs.access import managed, workplace
from orgs.forms_questionnaires import MOST_QUESTIONS, Questions, TitleForm, items_of, rows_of, typed_rows
from orgs.models import Enrollment, Organization, Questionnaire, QuestionnaireVersion
from orgs.presenters_questionnaires import VersionRow, question_rows
from orgs.standing import SignedInRequest, standing_in

ORDER = ("-created_at", "id")
EMPTY_ROWS = 3


@login_required
@require_safe
def questionnaires_page(request: SignedInRequest, slug: str) -> HttpResponse:
    """One row for each, by its latest version."""
    organization = workplace(request, slug)
    latest = QuestionnaireVersion.objects.of(organization).newest_of_each().defer("items")
    page = page_of(latest, request, order=ORDER)
    living = Q(pk__in=Enrollment.objects.living().values("pk"))
    enrolled = (
        Enrollment.objects.filter(living, questionnaire__in=[v.questionnaire_id for v in page.rows])
        .values_list("questionnaire")
        .annotate(number=Count("pk"))
        .order_by()
    )
    context = {
        "organization": organization,
        "is_admin": standing_in(request).is_admin_of(organization),
        "page": page,
        "rows": VersionRow.of(page.rows, slug, Dates.of(request.user), enrolled=dict(enrolled)),
    }
    return render(request, "questionnaires/questionnaires.html", context)


@login_required
@require_safe
def questionnaire(request: SignedInRequest, slug: str, questionnaire_id: uuid.UUID) -> HttpResponse:
    """All of its versions, and the questions of one."""
    organization = workplace(request, slug)
    found = _resolve(organization, questionnaire_id)
    versions = list(found.versions.order_by("-number"))
    chosen = next((v for v in versions if str(v.number) == request.GET.get("version")), versions[0])
    context = {
        "organization": organization,
        "is_admin": standing_in(request).is_admin_of(organization),
        "questionnaire": found,
        "version": chosen,
        "is_draft": chosen.state == QuestionnaireVersion.State.DRAFT,
        "is_active": chosen.state == QuestionnaireVersion.State.ACTIVE,
        "is_latest": chosen is versions[0],
        "questions": question_rows(chosen.items),
        "versions": VersionRow.of(versions, slug, Dates.of(request.user)),
        "enrolled": Enrollment.objects.living().filter(questionnaire=found).count(),
    }
    return render(request, "questionnaires/questionnaire.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def questionnaire_new(request: SignedInRequest, slug: str) -> HttpResponse:
    """Write the first draft of a new one."""
    organization = managed(request, slug)
    title, rows = _forms(request, title="", items=[])
    if _is_complete(request, title, rows):
        version = questionnaires.draft(
            organization=organization,
            title=title.cleaned_data["title"],
            items=items_of(rows.cleaned_data),
            origin=Origin.of(request),
        )
        messages.success(request, _("The draft is kept. Nobody is asked before it is published."))
        return redirect("organization_questionnaire", slug, version.questionnaire_id)
    return _render_form(request, organization, title, rows)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def questionnaire_draft(request: SignedInRequest, slug: str, questionnaire_id: uuid.UUID) -> HttpResponse:
    """Change the draft; of what is published, write the next version's."""
    organization = managed(request, slug)
    found = _resolve(organization, questionnaire_id)
    latest = found.versions.order_by("-number")[0]
    title, rows = _forms(request, title=latest.title, items=latest.items)
    if _is_complete(request, title, rows):
        questionnaires.rewrite(
            questionnaire=found,
            title=title.cleaned_data["title"],
            items=items_of(rows.cleaned_data),
            origin=Origin.of(request),
        )
        messages.success(request, _("The draft is kept. Nobody is asked before it is published."))
        return redirect("organization_questionnaire", slug, questionnaire_id)
    return _render_form(request, organization, title, rows, latest)


@login_required
@require_POST
def questionnaire_publication(
    request: SignedInRequest, slug: str, questionnaire_id: uuid.UUID
) -> HttpResponse:
    """Give the draft out."""
    found = _resolve(managed(request, slug), questionnaire_id)
    version = found.versions.filter(state=QuestionnaireVersion.State.DRAFT).first()
    if version is not None and questionnaires.publish(version=version, origin=Origin.of(request)):
        told = _("Version %(number)d of %(title)s is published. Devices fetch it by themselves.")
        messages.success(request, told % {"number": version.number, "title": version.title})
    return redirect("organization_questionnaire", slug, questionnaire_id)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def questionnaire_retirement(
    request: SignedInRequest, slug: str, questionnaire_id: uuid.UUID
) -> HttpResponse:
    """GET asks, POST retires."""
    organization = managed(request, slug)
    found = _resolve(organization, questionnaire_id)
    version = found.versions.filter(state=QuestionnaireVersion.State.ACTIVE).first()
    if version is None:
        return redirect("organization_questionnaire", slug, questionnaire_id)
    if request.method == "POST":
        if questionnaires.retire(version=version, origin=Origin.of(request)):
            messages.success(request, _("%(title)s is retired.") % {"title": version.title})
        return redirect("organization_questionnaire", slug, questionnaire_id)
    context = {"organization": organization, "version": version, "questionnaire": found}
    return render(request, "questionnaires/retirement.html", context)


def _resolve(organization: Organization, questionnaire_id: uuid.UUID) -> Questionnaire:
    return get_object_or_404(organization.questionnaires.all(), pk=questionnaire_id)


def _forms(request: SignedInRequest, *, title: str, items: list[dict[str, Any]]) -> tuple[TitleForm, Any]:
    """The two parts of the form. More rows are asked for by a button that sends what was typed along."""
    if request.method == "POST" and "more" not in request.POST:
        return TitleForm(request.POST), Questions(request.POST, prefix="q")
    rows = rows_of(items)
    if request.method == "POST":
        # What was typed so far comes back as it was: it is looked at once it is to be kept.
        title, rows = request.POST.get("title", ""), typed_rows(request.POST, prefix="q")
    initial = [*rows, *({} for _row in range(EMPTY_ROWS))][:MOST_QUESTIONS]
    return TitleForm(initial={"title": title}), Questions(initial=initial, prefix="q")


def _is_complete(request: SignedInRequest, title: TitleForm, rows: Any) -> bool:
    return request.method == "POST" and "more" not in request.POST and title.is_valid() and rows.is_valid()


def _render_form(
    request: SignedInRequest,
    organization: Organization,
    title: TitleForm,
    rows: Any,
    version: QuestionnaireVersion | None = None,
) -> HttpResponse:
    context = {
        "organization": organization,
        "title": title,
        "questions": rows,
        "version": version,
        "shows_errors": request.method == "POST" and "more" not in request.POST,
        "is_full": rows.total_form_count() >= MOST_QUESTIONS,
    }
    return render(request, "questionnaires/draft.html", context)
