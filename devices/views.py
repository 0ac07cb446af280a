"""Connected Devices: the list, one device, its revocation, and Authenticate Device."""

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.presenters import sign_in_rows
from devices import actions, browser_sign_ins, browsers
from devices.forms import DeviceNameForm
from devices.models import DeviceAuthorization
from devices.pool import waiting_requests
from devices.presenters import DevicePresenter
from devices.table import STORAGE_KEY, DeviceFilter, headers
from medimic.audit.log import Origin
from medimic.formatting import Dates
from medimic.pagination import page_of
from medimic.templatetags.look import icon
from orgs.standing import SignedInRequest

SHOWN_SIGN_INS = 20


@login_required
@require_safe
def devices(request: SignedInRequest) -> HttpResponse:
    """The devices of the signed-in person, and below them the browsers that are none."""
    chosen = DeviceFilter(request.GET, label_suffix="")
    mine = DeviceAuthorization.objects.visible_to(request.user).listed().with_state()
    # Each push token would be decrypted, and no page shows one.
    page = page_of(chosen.apply(mine).defer("push_token"), request, order=chosen.order)
    dates = Dates.of(request.user)
    signed_in = browser_sign_ins.of_account(request.user)
    present = DevicePresenter(dates, this=browsers.this(request), signed_in=signed_in.devices)
    context = {
        "page": page,
        "rows": present.rows(page.rows),
        "filter": chosen,
        "headers": headers(chosen, request.GET),
        "storage_key": STORAGE_KEY,
        "this_icon": icon("check"),
        "security_url": reverse("security"),
        "pool_requests": waiting_requests(request.user),
        "sign_ins": sign_in_rows(signed_in.elsewhere[:SHOWN_SIGN_INS], dates, request.session.session_key),
    }
    return render(request, "devices/devices.html", context)


@login_required
@require_safe
def device_detail(request: SignedInRequest, authorization_id: uuid.UUID) -> HttpResponse:
    """One device, with the facts that its row had no room for."""
    authorization = _visible(request, authorization_id)
    if authorization.successor_id:
        return redirect("device_detail", authorization.successor_id)
    dates = Dates.of(request.user)
    signed_in = browser_sign_ins.of_account(request.user)
    present = DevicePresenter(dates, this=browsers.this(request), signed_in=signed_in.devices)
    context = {
        "row": present.row(authorization),
        "signed_in_first": dates.date_time(authorization.activated_at) if authorization.activated_at else "",
        "ended": dates.date_time(authorization.revoked_at) if authorization.revoked_at else "",
        "link_expires": _link_expiry(authorization, dates),
        "has_receipt": bool(authorization.revoked_at) and hasattr(authorization, "receipt"),
    }
    return render(request, "devices/device.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def device_name(request: SignedInRequest, authorization_id: uuid.UUID) -> HttpResponse:
    """Rename a device."""
    authorization = _visible(request, authorization_id)
    form = DeviceNameForm(
        request.POST if request.method == "POST" else None, initial={"name": authorization.name}
    )
    if form.is_valid():
        before = authorization.title
        if actions.rename(
            authorization=authorization, name=form.cleaned_data["name"], origin=Origin.of(request)
        ):
            names = {"before": before, "device": authorization.title}
            messages.success(request, _("%(before)s is now called %(device)s.") % names)
        return redirect("device_detail", authorization.pk)
    context = {"form": form, "row": DevicePresenter(Dates.of(request.user)).row(authorization)}
    return render(request, "devices/name.html", context)


@require_safe
def user_profile(request: SignedInRequest) -> HttpResponse:
    """The address that older documents give."""
    return redirect("devices")


def _visible(request: SignedInRequest, authorization_id: uuid.UUID) -> DeviceAuthorization:
    rows = DeviceAuthorization.objects.visible_to(request.user).with_state()
    return get_object_or_404(rows, pk=authorization_id)


def _link_expiry(authorization: DeviceAuthorization, dates: Dates) -> str:
    expires_at = authorization.link_expires_at  # type: ignore[attr-defined]
    return dates.date_time(expires_at) if expires_at and authorization.device_id is None else ""
