"""The audit log of an organization, for its admins: narrowed down, and taken away as a file."""

import json
from collections.abc import Iterator

from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone, translation
from django.views.decorators.http import require_safe

from accounts.recent import recent_authentication_required
from medimic import csv_export
from medimic.audit.log import Origin, record
from medimic.audit.reading import page_of_parts, walk
from medimic.flows.audit_rows import HEADER, parts_of, records, rows_for
from medimic.flows.forms import AuditFilter
from orgs.access import managed
from orgs.models import Organization
from orgs.standing import SignedInRequest

FORMATS = ("csv", "jsonl")


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
    format_ = request.GET.get("format", FORMATS[0])
    if format_ not in FORMATS:
        raise Http404
    # Noted first: the file then ends with what was there when it was asked for.
    wanted = form.wanted(request.user, until=timezone.now())
    with transaction.atomic():
        record(
            "orgs.audit_exported",
            origin=Origin.of(request),
            person_id=request.user.pk,
            organization_id=organization.pk,
            subject=organization,
            details={"format": format_, **form.facts(wanted)},
        )
    events = walk(parts_of(organization, wanted))
    return _file(organization, records(request.user, events), format_)


def _file(organization: Organization, rows: Iterator[dict[str, str]], format_: str) -> StreamingHttpResponse:
    name = f"audit-{organization.slug}.{format_}"
    # The words of a row are made while the file is sent, when the request's language is over.
    rows = _in_language(rows, translation.get_language())
    if format_ == "csv":
        return csv_export.stream(HEADER, (list(row.values()) for row in rows), name)
    return StreamingHttpResponse(
        (json.dumps(row, ensure_ascii=False) + "\n" for row in rows),
        content_type="application/x-ndjson; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _in_language(rows: Iterator[dict[str, str]], language: str | None) -> Iterator[dict[str, str]]:
    while True:
        with translation.override(language):
            row = next(rows, None)
        if row is None:
            return
        yield row
