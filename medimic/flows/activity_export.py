"""A person's own part of the log, and for auditors all of it, as a file."""

from django.contrib import admin, messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from accounts.recent import recent_authentication_required
from medimic.audit import activity, proofs
from medimic.audit.forms import ActivityFilter
from medimic.audit.log import Origin, record
from medimic.audit.models import AuditEvent
from medimic.audit.reading import Parts
from medimic.flows.audit_exports import CSV, FORMATS, Export, as_csv, with_proofs
from orgs.standing import SignedInRequest

LATE = _("The log is sealed later than usual, so that its proofs are not ready. Try again in a minute.")


@login_required
@require_safe
@recent_authentication_required
def activity_export(request: SignedInRequest) -> HttpResponseBase:
    """What the Activity page is narrowed down to, all of it."""
    format_ = _format(request)
    form = ActivityFilter(request.GET)
    person = request.user

    def note(format_: str) -> AuditEvent:
        details = {"format": format_, **form.facts()}
        origin = Origin.of(request)
        return record("audit.exported", origin=origin, person_id=person.pk, subject=person, details=details)

    export = Export(proofs.PERSON, person.pk, "activity", person, note)
    parts = activity.parts_of(request.user, form.wanted(request.user))
    return _answer(request, export, parts, format_, back="activity")


@require_safe
@recent_authentication_required
def log_export(request: SignedInRequest) -> HttpResponseBase:
    """All of the log, or of some days, for who may read it in the admin. The admin's door stands before."""
    if not request.user.has_perm("audit.view_auditevent"):
        raise PermissionDenied
    format_ = _format(request)
    form = ActivityFilter(request.GET)

    def note(format_: str) -> AuditEvent:
        details = {"format": format_, **form.facts()}
        return record("audit.log_exported", origin=Origin.staff(request), details=details)

    export = Export(proofs.LOG, None, "audit-log", request.user, note)
    parts = activity.narrowed([AuditEvent.objects.all()], form.wanted(request.user))
    return _answer(request, export, parts, format_, back="admin:audit_auditevent_changelist")


def admin_log_export(request: SignedInRequest) -> HttpResponseBase:
    """Behind the admin's door: staff with a second factor that they have shown."""
    return admin.site.admin_view(log_export)(request)


def _format(request: HttpRequest) -> str:
    format_ = request.GET.get("format", CSV)
    if format_ not in FORMATS:
        raise Http404
    return format_


def _answer(
    request: HttpRequest, export: Export, parts: Parts, format_: str, *, back: str
) -> HttpResponseBase:
    if format_ == CSV:
        return as_csv(export, parts)
    response = with_proofs(export, parts)
    if response is None:
        messages.error(request, LATE)
        return redirect(back)
    return response
