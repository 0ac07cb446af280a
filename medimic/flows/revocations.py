"""Revoking a device, with a warning of the transcripts that it alone can open."""

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from devices import actions, browser_sign_ins
from devices.models import DeviceAuthorization
from devices.presenters import DevicePresenter
from devices.views_revocation import visible
from medimic.audit.log import Origin
from medimic.formatting import Dates
from orgs.standing import SignedInRequest
from sessions_app import drafts, sole_keys


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def device_revocation(request: SignedInRequest, authorization_id: uuid.UUID) -> HttpResponse:
    """GET asks, POST revokes; for a link that nobody has used, it cancels."""
    authorization = visible(request, authorization_id)
    if request.method == "POST":
        return _revoke(request, authorization)
    context = {
        "row": DevicePresenter(Dates.of(request.user)).row(authorization),
        "is_this": browser_sign_ins.is_bound(request, authorization),
        "sole_keys": _warning(authorization),
    }
    return render(request, "devices/revocation.html", context)


def _warning(authorization: DeviceAuthorization) -> str:
    """What nobody could read any more; empty where that is nothing."""
    sessions = sole_keys.on(authorization) if authorization.is_active else 0
    if not sessions:
        return ""
    text = ngettext(
        "The transcript of %(count)d session can be read on this device alone.",
        "The transcripts of %(count)d sessions can be read on this device alone.",
        sessions,
    )
    return text % {"count": sessions}


def _revoke(request: SignedInRequest, authorization: DeviceAuthorization) -> HttpResponse:
    is_this = browser_sign_ins.is_bound(request, authorization)
    was_revoked = actions.revoke(
        authorization=authorization,
        by=request.user,
        origin=Origin.of(request),
        is_unrecognized="unrecognized" in request.POST,
    )
    names = {"device": authorization.title}
    if not was_revoked:
        messages.success(request, _("%(device)s had no access any more.") % names)
    elif authorization.device_id is None:
        messages.success(request, _("The link for %(device)s is cancelled.") % names)
    elif is_this:
        # The sign-in that this request came with has ended.
        request.session.flush()
        messages.success(request, _("This browser is revoked and signed out.") % names)
        return redirect("account_login")
    else:
        messages.success(request, _("%(device)s is revoked and signed out.") % names)
        if not drafts.is_kept(request):
            return redirect("device_receipt", authorization.pk)
    # Whoever revoked it to make room for this browser goes on where they were.
    return redirect("new_session" if drafts.is_kept(request) else "devices")
