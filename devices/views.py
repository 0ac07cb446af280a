"""Connected Devices: the list, one device, its revocation, and Authenticate Device."""

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.presenters import sign_in_rows
from devices import actions, browser_sign_ins, browsers, limits
from devices.forms import DeviceLinkForm, DeviceNameForm
from devices.limits import DeviceLimitReached
from devices.models import DeviceAuthorization
from devices.presenters import DevicePresenter, DeviceRow
from devices.qr import qr_code
from devices.recent import recent_authentication_required
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


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def device_revocation(request: SignedInRequest, authorization_id: uuid.UUID) -> HttpResponse:
    """GET asks, POST revokes; for a link that nobody has used, it cancels."""
    authorization = _visible(request, authorization_id)
    if request.method == "POST":
        revoked = actions.revoke(authorization=authorization, by=request.user, origin=Origin.of(request))
        _say(request, authorization, revoked)
        return redirect("devices")
    row = DevicePresenter(Dates.of(request.user)).row(authorization)
    return render(request, "devices/revocation.html", {"row": row})


def _say(request: SignedInRequest, authorization: DeviceAuthorization, revoked: bool) -> None:
    if not revoked:
        text = _("%(device)s had no access any more.")
    elif authorization.device_id:
        text = _("%(device)s is revoked. It was signed out, and needs a new link or a sign-in to come back.")
    else:
        text = _("The link for %(device)s is cancelled.")
    messages.success(request, text % {"device": authorization.title})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@recent_authentication_required
def device_authentication(request: SignedInRequest) -> HttpResponse:
    """Make a link that signs a device in. It is shown in the answer to the POST, and never again."""
    account = request.user
    initial = {"phone_number": account.phone_number}
    form = DeviceLinkForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.is_valid():
        try:
            issued = actions.issue_link(
                account=account, by=account, origin=Origin.of(request), **form.cleaned_data
            )
        except DeviceLimitReached:
            pass
        else:
            return _show_link(request, issued)
    places = limits.places(account)
    context = {"form": form, "account": account, "places": places}
    if not places.has_free:
        context["spare"] = _spare(request)
    return render(request, "devices/authentication.html", context)


def _spare(request: SignedInRequest) -> list[DeviceRow]:
    """What takes the places, longest unused first, to choose one to revoke."""
    taking = limits.longest_unused_first(request.user)
    rows = DeviceAuthorization.objects.with_state().in_bulk([row.pk for row in taking])
    present = DevicePresenter(Dates.of(request.user))
    return [present.row(rows[row.pk]) for row in taking]


def _show_link(request: SignedInRequest, issued: actions.IssuedLink) -> HttpResponse:
    context = {
        "authorization": issued.authorization,
        "link": issued.link,
        "qr_code": qr_code(issued.link),
        "expires": Dates.of(request.user).date_time(issued.expires_at),
    }
    return render(request, "devices/link.html", context)


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
