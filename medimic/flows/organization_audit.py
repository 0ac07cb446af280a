"""The audit log of an organization, for its admins: narrowed down, and taken away as a file."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from accounts.recent import recent_authentication_required
from medimic.audit import proofs
from medimic.audit.log import Origin, record
from medimic.audit.models import AuditEvent
from medimic.audit.reading import page_of_parts
from medimic.flows.activity_export import LATE
from medimic.flows.audit_exports import CSV, FORMATS, Export, as_csv, with_proofs
from medimic.flows.audit_rows import parts_of, rows_for
from medimic.flows.forms import AuditFilter
from orgs.access import managed
from orgs.standing import SignedInRequest


@login_required
@require_safe
def organization_audit(request: SignedInRequest, slug: str) -> HttpResponse:
    """What happened in the organization, newest first."""
    organization = managed(request, slug)
    form = AuditFilter(request.GET, organization=organization)
    page = page_of_parts(request, parts_of(organization, form.wanted(request.user)))
    context = {
        "organization": organization,
        "filter": form,
        "page": page,
        "rows": rows_for(request.user, page.rows),
        "query": form.query,
    }
    return render(request, "organizations/audit.html", context)


@login_required
@require_safe
@recent_authentication_required
def organization_audit_export(request: SignedInRequest, slug: str) -> HttpResponseBase:
    """What the page is narrowed down to, all of it, as a file. That is in the log, too."""
    organization = managed(request, slug)
    form = AuditFilter(request.GET, organization=organization)
    format_ = request.GET.get("format", CSV)
    if format_ not in FORMATS:
        raise Http404
    wanted = form.wanted(request.user)

    def note(format_: str) -> AuditEvent:
        return record(
            "orgs.audit_exported",
            origin=Origin.of(request),
            person_id=request.user.pk,
            organization_id=organization.pk,
            subject=organization,
            details={"format": format_, **form.facts(wanted)},
        )

    export = Export(proofs.ORGANIZATION, organization.pk, f"audit-{organization.slug}", request.user, note)
    parts = parts_of(organization, wanted)
    response = as_csv(export, parts) if format_ == CSV else with_proofs(export, parts)
    if response is None:
        messages.error(request, LATE)
        return redirect("organization_audit", slug)
    return response
