"""The receipt of what a revocation ended."""

import uuid

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from devices import receipts
from devices.models import DeviceAuthorization, RevocationReceipt
from devices.presenters import DevicePresenter
from medimic.formatting import Dates
from orgs.standing import SignedInRequest


@login_required
@require_safe
def device_receipt(request: SignedInRequest, authorization_id: uuid.UUID) -> HttpResponse:
    """What a revocation ended, channel by channel; made to be printed."""
    authorization = visible(request, authorization_id)
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


def visible(request: SignedInRequest, authorization_id: uuid.UUID) -> DeviceAuthorization:
    """One's own device, with its state; any other is not there."""
    rows = DeviceAuthorization.objects.visible_to(request.user).with_state().select_related("revoked_by")
    return get_object_or_404(rows, pk=authorization_id)
