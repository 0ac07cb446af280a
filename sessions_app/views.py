"""The history of sessions, and one of them."""

import uuid

from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_safe

from accounts.recent import recent_authentication_required
from medimic import csv_export
from medimic.audit.log import Origin, record
from medimic.formatting import Dates
from orgs.standing import SignedInRequest, standing_in
from sessions_app import export, visits
from sessions_app.forms import HistoryFilter
from sessions_app.history import each, page_for
from sessions_app.models import Visit
from sessions_app.presenters import session_rows
from sessions_app.presenters_detail import SessionFacts
from sessions_app.presenters_live import transcript_settings, transcript_words


@require_safe
@login_required
def history(request: SignedInRequest) -> HttpResponse:
    """All sessions that the person hosted or took part in."""
    dates = Dates.of(request.user)
    chosen = HistoryFilter(request.GET)
    page = page_for(request, request.user, chosen.wanted(dates.zone, dates.now))
    context = {
        "page": page,
        "rows": session_rows(page.rows, viewer=request.user, dates=dates),
        "filter": chosen,
        "export_url": f"{reverse('sessions_export')}?{chosen.query()}",
        "is_patient": standing_in(request).is_patient_only,
        "may_start": visits.may_start(request.user, standing_in(request)),
    }
    return render(request, "sessions/history.html", context)


@require_GET
@login_required
@recent_authentication_required
def history_export(request: SignedInRequest) -> HttpResponseBase:
    """What the history is narrowed down to, as a CSV file."""
    chosen = HistoryFilter(request.GET)
    if not chosen.is_valid():
        return redirect(f"{reverse('sessions')}?{chosen.query()}")
    dates = Dates.of(request.user)
    found = each(request.user, chosen.wanted(dates.zone, dates.now))
    with transaction.atomic():
        # What was looked for may be a name: the log learns only that something was.
        record(
            "sessions.exported",
            origin=Origin.of(request),
            person_id=request.user.pk,
            details={"narrowed": chosen.is_narrow},
        )
    rows = export.rows(found, viewer=request.user, dates=dates)
    return csv_export.stream(export.header(dates), rows, f"sessions-{dates.now:%Y-%m-%d}.csv")


@require_safe
@login_required
def detail(request: SignedInRequest, session_id: uuid.UUID) -> HttpResponse:
    """One session, to those who took part; to anybody else there is none."""
    visit = get_object_or_404(
        Visit.objects.visible_to(request.user).select_related("organization"), pk=session_id
    )
    now = timezone.now()
    context = {
        "visit": visit,
        "facts": SessionFacts.of(visit, reader=request.user, now=now),
        "may_end": visit.host_id == request.user.pk and visit.status(now) is Visit.Status.ACTIVE,
        "transcript": transcript_settings(visit, request.user),
        "transcript_words": transcript_words(),
    }
    return render(request, "sessions/detail.html", context)
