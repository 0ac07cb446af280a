"""Organization → Devices: one member's device, its revocation, and the way into the pool."""

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from devices import actions, policies, pool
from devices.fleet_list import entry_of
from devices.fleet_presenters import FleetPresenter, FleetRow, shown
from devices.forms_fleet import PlaceForm
from devices.models import DeviceAuthorization, FleetEntry, PoolRequest
from devices.pool_admission import is_included
from medimic.audit.log import Origin
from medimic.formatting import Dates
from orgs.access import managed
from orgs.models import Organization
from orgs.standing import SignedInRequest

Found = tuple[Organization, FleetEntry, DeviceAuthorization]


@login_required
@require_safe
def fleet_device(request: SignedInRequest, slug: str, authorization_id: uuid.UUID) -> HttpResponse:
    """What the list has no room for, and what can be done."""
    organization, entry, authorization = _found(request, slug, authorization_id)
    dates = Dates.of(request.user)
    is_owner = entry.device.owner_person_id == entry.person_id
    asked = PoolRequest.objects.open().filter(organization=organization, device=entry.device).first()
    context = {
        "organization": organization,
        "row": _row(request, organization, entry),
        "model": entry.device.model,
        "type": entry.device.get_device_type_display(),
        "registered": dates.date(authorization.created_at),
        "is_own": entry.person_id == request.user.pk,
        "is_shared": not is_owner and entry.device.owner_person_id is not None,
        "asked": asked,
        "asked_on": dates.date(asked.created_at) if asked else "",
        "can_pool": entry.state == FleetEntry.State.ACTIVE
        and is_owner
        and not entry.device.is_browser
        and asked is None
        and is_included(organization.pk),
    }
    return render(request, "devices/fleet_device.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def fleet_device_revocation(request: SignedInRequest, slug: str, authorization_id: uuid.UUID) -> HttpResponse:
    """GET asks, POST ends the member's leave to use this device."""
    organization, entry, authorization = _found(request, slug, authorization_id)
    if entry.person_id == request.user.pk:
        # One's own: under Connected Devices, where one can come back by signing in.
        return redirect("device_revocation", authorization.pk)
    row = _row(request, organization, entry)
    if request.method == "POST":
        names = {"device": row.name, "provider": row.provider}
        was_revoked = actions.revoke(
            authorization=authorization,
            by=request.user,
            origin=Origin.of(request),
            reason=DeviceAuthorization.RevokedReason.ORGANIZATION,
            organization=organization,
        )
        told = _("%(device)s of %(provider)s is revoked and signed out. %(provider)s is told by e-mail.")
        messages.success(request, (told if was_revoked else _("%(device)s had no access any more.")) % names)
        return redirect("organization_devices", slug)
    return render(request, "devices/fleet_revocation.html", {"organization": organization, "row": row})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def fleet_device_allowance(request: SignedInRequest, slug: str, authorization_id: uuid.UUID) -> HttpResponse:
    """GET asks, POST lets the member sign in on it again."""
    organization, entry, authorization = _found(request, slug, authorization_id)
    row = _row(request, organization, entry)
    if request.method == "POST":
        names = {"device": row.name, "provider": row.provider}
        was_blocked = actions.allow_again(
            authorization=authorization, organization=organization, by=request.user, origin=Origin.of(request)
        )
        told = _("%(provider)s can sign in on %(device)s again.")
        messages.success(
            request, (told if was_blocked else _("%(device)s is not blocked by your organization.")) % names
        )
        return redirect("organization_devices", slug)
    return render(request, "devices/fleet_allowance.html", {"organization": organization, "row": row})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def fleet_device_pooling(request: SignedInRequest, slug: str, authorization_id: uuid.UUID) -> HttpResponse:
    """Name a place, and ask the device's owner; one's own goes in at once."""
    organization, entry, authorization = _found(request, slug, authorization_id)
    row = _row(request, organization, entry)
    form = PlaceForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        place = form.cleaned_data["place"]
        names = {"device": row.name, "provider": row.provider, "place": place}
        try:
            asked = pool.ask(
                authorization=authorization,
                organization=organization,
                place=place,
                by=request.user,
                origin=Origin.of(request),
            )
        except pool.NotPossible as refusal:
            form.add_error(None, str(refusal))
        else:
            told = _("%(provider)s is asked by e-mail to let %(device)s into the pool.")
            messages.success(
                request, (told if asked else _("%(device)s is in the pool now: %(place)s.")) % names
            )
            return redirect("organization_devices", slug)
    context = {
        "organization": organization,
        "row": row,
        "form": form,
        "is_own": entry.person_id == request.user.pk,
    }
    return render(request, "devices/fleet_pooling.html", context)


@login_required
@require_POST
def pool_request_withdrawal(request: SignedInRequest, slug: str, request_id: uuid.UUID) -> HttpResponse:
    """Take back what the owner has not answered yet."""
    organization = managed(request, slug)
    asked = get_object_or_404(
        PoolRequest.objects.select_related("organization", "device"), organization=organization, pk=request_id
    )
    if pool.withdraw(request=asked, by=request.user, origin=Origin.of(request)):
        messages.success(request, _("The owner is no longer asked for this device."))
    else:
        messages.warning(request, _("That was answered or withdrawn before."))
    return redirect("organization_devices", slug)


def _found(request: SignedInRequest, slug: str, authorization_id: uuid.UUID) -> Found:
    organization = managed(request, slug)
    entry = get_object_or_404(shown(entry_of(organization, authorization_id)))
    authorization = DeviceAuthorization.objects.select_related("account", "device").get(pk=authorization_id)
    if authorization.device is not None:
        entry.device = authorization.device
    return organization, entry, authorization


def _row(request: SignedInRequest, organization: Organization, entry: FleetEntry) -> FleetRow:
    policy = policies.policy_of(organization)
    return FleetPresenter(organization, policy, Dates.of(request.user), viewer=request.user).rows([entry])[0]
