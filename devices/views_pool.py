"""Devices of the pool: an admin's pages about one of them, and the question that its owner answers."""

import uuid
from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from devices import policies, pool
from devices.fleet_list import rows_of
from devices.fleet_presenters import FleetPresenter, FleetRow, shown
from devices.forms_fleet import PlaceForm, ReturnForm
from devices.limits import DeviceLimitReached
from devices.models import Device, DeviceAuthorization, PoolRequest
from devices.pool_admission import is_included
from medimic.audit.log import Origin
from medimic.formatting import Dates
from orgs.access import managed
from orgs.models import Organization
from orgs.standing import SignedInRequest

SHOWN_ACCOUNTS = 50


@login_required
@require_safe
def pooled_device(request: SignedInRequest, slug: str, device_id: uuid.UUID) -> HttpResponse:
    """Its place, who uses it, and what can be done."""
    organization, device, row = _found(request, slug, device_id)
    dates = Dates.of(request.user)
    living = DeviceAuthorization.objects.living().filter(device=device, account__isnull=False)
    accounts = living.select_related("account").order_by("-last_seen_at", "id")[:SHOWN_ACCOUNTS]
    context = {
        "organization": organization,
        "row": row,
        "device": device,
        "type": device.get_device_type_display(),
        "accounts": [
            (a.account.get_full_name(), dates.relative(a.last_seen_at) if a.last_seen_at else _("Never"))
            for a in accounts
            if a.account
        ],
        "has_pool": is_included(organization.pk),
    }
    return render(request, "devices/pooled_device.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def pooled_device_place(request: SignedInRequest, slug: str, device_id: uuid.UUID) -> HttpResponse:
    """Name its place anew."""
    organization, device, row = _found(request, slug, device_id)
    form = PlaceForm(request.POST if request.method == "POST" else None, initial={"place": device.place})
    if form.is_valid():
        place = form.cleaned_data["place"]
        try:
            pool.move(
                device=device,
                organization=organization,
                place=place,
                by=request.user,
                origin=Origin.of(request),
            )
        except pool.NotPossible as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(
                request,
                _("%(device)s stands here now: %(place)s.") % {"device": device.model, "place": place},
            )
            return redirect("pooled_device", slug, device.pk)
    context = {"organization": organization, "row": row, "form": form}
    return render(request, "devices/pooled_place.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def pooled_device_return(request: SignedInRequest, slug: str, device_id: uuid.UUID) -> HttpResponse:
    """Give it to a member; or, where nobody uses it, let it go."""
    organization, device, row = _found(request, slug, device_id)
    people = pool.takers(device, organization)
    is_unused = not device.authorizations.living().exists()
    form = ReturnForm(request.POST if request.method == "POST" else None, people=people)
    if request.method == "POST" and (is_unused or form.is_valid()):
        to = None if is_unused else form.cleaned_data["to"]
        try:
            pool.give_back(
                device=device, organization=organization, to=to, by=request.user, origin=Origin.of(request)
            )
        except DeviceLimitReached as reached:
            words = {"name": to.get_full_name() if to else "", "limit": reached.allowance.limit}
            form.add_error(
                "to",
                _("%(name)s has no free place: their plan allows %(limit)s. Choose somebody else.") % words,
            )
        except pool.NotPossible as refusal:
            form.add_error(None, str(refusal))
        else:
            names = {"device": device.model, "name": to.get_full_name() if to else ""}
            told = _("%(device)s belongs to %(name)s now.") if to else _("%(device)s left the pool.")
            messages.success(request, told % names)
            return redirect("organization_devices", slug)
    context = {
        "organization": organization,
        "row": row,
        "form": form,
        "is_unused": is_unused,
        "has_takers": people.exists(),
    }
    return render(request, "devices/pooled_return.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def pooled_device_revocation(request: SignedInRequest, slug: str, device_id: uuid.UUID) -> HttpResponse:
    """GET asks, POST ends it for every account."""
    told = _("%(device)s is revoked for every account. Who used it is told by e-mail.")
    return _end_or_reopen(request, slug, device_id, pool.revoke, told, "devices/pooled_revocation.html")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def pooled_device_allowance(request: SignedInRequest, slug: str, device_id: uuid.UUID) -> HttpResponse:
    """GET asks, POST lets its accounts sign in on it again."""
    told = _("%(device)s can be used again, after a sign-in on it.")
    return _end_or_reopen(request, slug, device_id, pool.allow_again, told, "devices/pooled_allowance.html")


def _end_or_reopen(
    request: SignedInRequest,
    slug: str,
    device_id: uuid.UUID,
    act: Callable[..., bool],
    told: str,
    template: str,
) -> HttpResponse:
    organization, device, row = _found(request, slug, device_id)
    if request.method != "POST":
        return render(request, template, {"organization": organization, "row": row, "device": device})
    try:
        is_changed = act(device=device, organization=organization, by=request.user, origin=Origin.of(request))
    except pool.NotPossible as refusal:
        messages.warning(request, str(refusal))
    else:
        unchanged = _("%(device)s is as it was: that was done before.")
        messages.success(request, (told if is_changed else unchanged) % {"device": row.name})
    return redirect("organization_devices", slug)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def pool_request(request: SignedInRequest, request_id: uuid.UUID) -> HttpResponse:
    """An organization asks for a device; its owner accepts or keeps it."""
    asked = get_object_or_404(
        PoolRequest.objects.select_related("organization", "device", "requested_by"),
        pk=request_id,
        owner=request.user,
    )
    if request.method == "POST":
        return _answer(request, asked)
    row = DeviceAuthorization.objects.filter(
        device=asked.device, account=request.user, successor=None
    ).first()
    context = {
        "asked": asked,
        "is_open": asked.state == PoolRequest.State.OPEN,
        "device": row.title if row else str(asked.device),
        "details": str(asked.device),
        "asked_on": Dates.of(request.user).date(asked.created_at),
    }
    return render(request, "devices/pool_request.html", context)


def _answer(request: SignedInRequest, asked: PoolRequest) -> HttpResponse:
    names = {"device": asked.device.model, "organization": asked.organization.name}
    origin = Origin.of(request)
    try:
        if request.POST.get("answer") == "accept":
            pool.accept(request=asked, by=request.user, origin=origin)
            messages.success(request, _("%(device)s is in the pool of %(organization)s now.") % names)
        elif pool.decline(request=asked, by=request.user, origin=origin):
            messages.success(request, _("%(device)s stays yours.") % names)
        else:
            messages.warning(request, _("That was answered or withdrawn before."))
    except pool.NotPossible as refusal:
        messages.warning(request, str(refusal))
    return redirect("devices")


def _found(
    request: SignedInRequest, slug: str, device_id: uuid.UUID
) -> tuple[Organization, Device, FleetRow]:
    organization = managed(request, slug)
    entry = get_object_or_404(shown(rows_of(organization)), device=device_id, person=None)
    present = FleetPresenter(
        organization, policies.policy_of(organization), Dates.of(request.user), viewer=request.user
    )
    return organization, Device.objects.get(pk=entry.device_id), present.rows([entry])[0]
