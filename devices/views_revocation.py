"""Revoking a device, and the receipt of what that ended."""

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from devices import actions, browser_sign_ins, receipts
from devices.models import DeviceAuthorization, RevocationReceipt
from devices.presenters import DevicePresenter
from medimic.audit.log import Origin
from medimic.formatting import Dates
from orgs.standing import SignedInRequest


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def device_revocation(request: SignedInRequest, authorization_id: uuid.UUID) -> HttpResponse:
    """GET asks, POST revokes; for a link that nobody has used, it cancels."""
    authorization = _visible(request, authorization_id)
    if request.method == "POST":
        return _revoke(request, authorization)
    row = DevicePresenter(Dates.of(request.user)).row(authorization)
    is_this = browser_sign_ins.is_bound(request, authorization)
    return render(request, "devices/revocation.html", {"row": row, "is_this": is_this})


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
        return redirect("device_receipt", authorization.pk)
    return redirect("devices")


@login_required
@require_safe
def device_receipt(request: SignedInRequest, authorization_id: uuid.UUID) -> HttpResponse:
    """What a revocation ended, channel by channel; made to be printed."""
    authorization = _visible(request, authorization_id)
    receipt = RevocationReceipt.objects.filter(authorization=authorization).first()
    if receipt is None or authorization.revoked_at is None:
        raise Http404
    dates = Dates.of(request.user)
    context = {
        "row": DevicePresenter(dates).row(authorization),
        "receipt": receipt,
        "lines": receipts.lines(receipt.counts),
        "revoked": dates.date_time(authorization.revoked_at),
        "revoked_utc": f"{authorization.revoked_at:%Y-%m-%d %H:%M:%S} UTC",
        "revoked_by": authorization.revoked_by,
        "account": request.user,
    }
    return render(request, "devices/receipt.html", context)


def _visible(request: SignedInRequest, authorization_id: uuid.UUID) -> DeviceAuthorization:
    rows = DeviceAuthorization.objects.visible_to(request.user).with_state().select_related("revoked_by")
    return get_object_or_404(rows, pk=authorization_id)
