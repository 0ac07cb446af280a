"""Sessions started and ended in the portal: the browser is the host's device."""

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from devices import browser_sign_ins, browsers, limits, spare
from devices.limits import DeviceLimitReached
from medimic.audit.log import Origin
from medimic.problems import Problem
from orgs.standing import SignedInRequest, standing_in
from sessions_app import drafts, visits
from sessions_app.forms import NewSessionForm
from sessions_app.models import Visit


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@browsers.identified
def new_session(request: SignedInRequest) -> HttpResponse:
    """Start a session in this browser."""
    standing = standing_in(request)
    if not visits.may_start(request.user, standing):
        raise PermissionDenied
    form = NewSessionForm(
        request.POST if request.method == "POST" else None,
        organizations=standing.organizations,
        usual=visits.usual_organization(request.user, standing),
    )
    if not form.is_bound:
        form.initial.update(drafts.take(request))
    if form.is_valid():
        try:
            visit = _start(request, form.wanted())
        except Problem as problem:
            return _refused(request, form, problem)
        return redirect("session_detail", visit.pk)
    return render(request, "sessions/new.html", {"form": form})


def _start(request: SignedInRequest, wanted: visits.Wanted) -> Visit:
    """Where the session cannot be, the browser does not become a device for it either."""
    with transaction.atomic():
        authorization = browsers.authorization_for(request)
        started = visits.start(
            wanted, authorization=authorization, origin=Origin.of(request), with_token=False
        )
    browser_sign_ins.bind(request, authorization)
    return started.visit


def _refused(request: SignedInRequest, form: NewSessionForm, problem: Problem) -> HttpResponse:
    context = {"form": form, "problem": problem}
    if isinstance(problem, DeviceLimitReached):
        drafts.keep(request, form)
        context |= {"places": limits.places(request.user), "spare": spare.rows(request.user)}
    # To a browser, 401 would say that it can authenticate by a header.
    status = 403 if problem.status == 401 else problem.status
    return render(request, "sessions/new.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def session_ending(request: SignedInRequest, session_id: uuid.UUID) -> HttpResponse:
    """GET asks, POST ends; for the host alone."""
    visit = get_object_or_404(Visit.objects.visible_to(request.user), pk=session_id)
    if visit.host_id != request.user.pk:
        raise PermissionDenied
    if request.method == "POST":
        ended = visits.end(visit, origin=Origin.of(request))
        messages.success(request, _("The session is ended.") if ended else _("The session was over already."))
        return redirect("session_detail", visit.pk)
    return render(request, "sessions/ending.html", {"visit": visit})
