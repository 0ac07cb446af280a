"""The history of sessions, and one of them."""

import datetime as dt
import uuid

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from medimic.formatting import Dates
from medimic.pagination import page_of
from orgs.standing import SignedInRequest, standing_in
from sessions_app import visits
from sessions_app.forms import HistoryFilter
from sessions_app.models import Visit
from sessions_app.presenters import BADGES, duration, participant_lines, session_rows

NEWEST_FIRST = ("-started_at", "-id")


@require_safe
@login_required
def history(request: SignedInRequest) -> HttpResponse:
    """All sessions that the person hosted or took part in."""
    dates = Dates.of(request.user)
    form = HistoryFilter(request.GET, label_suffix="")
    found = form.apply(Visit.objects.visible_to(request.user).with_device(), dates.zone)
    page = page_of(found, request, order=NEWEST_FIRST)
    context = {
        "page": page,
        "rows": session_rows(page.rows, viewer=request.user, dates=dates),
        "filter": form,
        "is_patient": standing_in(request).is_patient_only,
        "may_start": visits.may_start(request.user, standing_in(request)),
    }
    return render(request, "sessions/history.html", context)


@require_safe
@login_required
def detail(request: SignedInRequest, session_id: uuid.UUID) -> HttpResponse:
    """One session, to those who took part; to anybody else there is none."""
    visit = get_object_or_404(
        Visit.objects.visible_to(request.user).select_related("organization"), pk=session_id
    )
    now = timezone.now()
    dates = Dates.of(request.user)
    utc = Dates(request.user.date_locale, "UTC")
    badge, sign = BADGES[visit.status(now)]
    context = {
        "visit": visit,
        "status": visit.status(now).label,
        "badge": badge,
        "sign": sign,
        "start_utc": utc.date_time(visit.started_at),
        "start_local": dates.date_time(visit.started_at),
        "zone": dates.zone.key,
        "is_utc": visit.started_at.astimezone(dates.zone).utcoffset() == dt.timedelta(0),
        "duration": duration(visit.duration(now)),
        "may_end": visit.host_id == request.user.pk and visit.status(now) is Visit.Status.ACTIVE,
        "participants": participant_lines(visit.participants.order_by("joined_at", "id")),
    }
    return render(request, "sessions/detail.html", context)
