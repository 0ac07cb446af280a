"""Invitations as the host of a session sends and follows them; the invited one's side is `views_invited`."""

import uuid

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from medimic.audit.log import Origin
from medimic.formatting import Dates
from orgs.standing import SignedInRequest, standing_in
from sessions_app import invitations, visits
from sessions_app.forms_invitations import InviteForm
from sessions_app.models import SessionInvitation, Visit
from sessions_app.presenters_invitations import invitation_lines, running_lines

# Of one person at one time; who has more finds the others in the history.
SHOWN_RUNNING = 20


@require_safe
@login_required
def session_inviting(request: SignedInRequest) -> HttpResponse:
    """Invite a colleague: to which of one's running sessions? Where there is one, it is that."""
    hosted = Visit.objects.filter(host=request.user).active(timezone.now())
    running = list(hosted.newest_first()[:SHOWN_RUNNING])
    if len(running) == 1:
        return redirect("session_invitations", running[0].pk)
    context = {
        "rows": running_lines(running, Dates.of(request.user)),
        "may_start": visits.may_start(request.user, standing_in(request)),
    }
    return render(request, "sessions/inviting.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
def session_invitations(request: SignedInRequest, session_id: uuid.UUID) -> HttpResponse:
    """Who is invited, and how they answered; POST invites one more."""
    visit = _hosted(request, session_id)
    form = InviteForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        email = form.cleaned_data["email"]
        try:
            invitations.invite(visit, email=email, by=request.user, origin=Origin.of(request))
        except invitations.Refused as refused:
            form.add_error("email", refused.reason)
        else:
            return _show(request, visit, done=_("The invitation is on its way to %(to)s.") % {"to": email})
    return _show(request, visit, form=form)


@require_POST
@login_required
@never_cache
def invitation_sending(
    request: SignedInRequest, session_id: uuid.UUID, invitation_id: uuid.UUID
) -> HttpResponse:
    """Send its mail once more, under a new link."""
    invitation = _invitation(request, session_id, invitation_id)
    try:
        invitations.send_again(invitation, origin=Origin.of(request))
    except invitations.Refused as refused:
        return _show(request, invitation.visit, problem=refused.reason)
    sent = _("A new invitation is on its way to %(to)s. The link of the last one is none any more.")
    return _show(request, invitation.visit, done=sent % {"to": invitation.email})


@require_POST
@login_required
@never_cache
def invitation_withdrawal(
    request: SignedInRequest, session_id: uuid.UUID, invitation_id: uuid.UUID
) -> HttpResponse:
    """Its link opens nothing any more."""
    invitation = _invitation(request, session_id, invitation_id)
    try:
        invitations.withdraw(invitation, origin=Origin.of(request))
    except invitations.Refused as refused:
        return _show(request, invitation.visit, problem=refused.reason)
    done = _("The invitation to %(to)s is withdrawn.") % {"to": invitation.email}
    return _show(request, invitation.visit, done=done)


def _hosted(request: SignedInRequest, session_id: uuid.UUID) -> Visit:
    visit = get_object_or_404(Visit.objects.visible_to(request.user), pk=session_id)
    if visit.host_id != request.user.pk:
        raise PermissionDenied
    return visit


def _invitation(
    request: SignedInRequest, session_id: uuid.UUID, invitation_id: uuid.UUID
) -> SessionInvitation:
    visit = _hosted(request, session_id)
    return get_object_or_404(visit.invitations.select_related("visit"), pk=invitation_id)


def _show(
    request: SignedInRequest,
    visit: Visit,
    *,
    form: InviteForm | None = None,
    done: str = "",
    problem: str = "",
) -> HttpResponse:
    context = {
        "visit": visit,
        "is_running": visit.status(timezone.now()) is Visit.Status.ACTIVE,
        "form": form or InviteForm(),
        "done": done,
        "problem": problem,
        "rows": invitation_lines(visit, Dates.of(request.user)),
    }
    return render(request, "sessions/invitations.html", context)
