"""Organization → Devices: revoking many at once, with a list of exactly those before, and progress after."""

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, JsonResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.recent import recent_authentication_required
from accounts.time_outs import polled
from devices import fleet, fleet_revocation, policies
from devices.fleet_list import FleetFilter, Lowest, rows_of
from devices.fleet_presenters import FleetPresenter, shown
from devices.models import BulkRevocation
from medimic.audit.log import Origin
from medimic.formatting import Dates
from medimic.pagination import PAGE_SIZE
from orgs.access import managed
from orgs.models import Organization
from orgs.standing import SignedInRequest


@login_required
@require_POST
def organization_devices_revocations(request: SignedInRequest, slug: str) -> HttpResponse:
    """Write down what was chosen: the ticked rows, or all that the filter finds."""
    organization = managed(request, slug)
    rows, chosen_by = rows_of(organization), ""
    if request.POST.get("chosen") == "all":
        chosen_by = request.POST.get("query", "")[:500]
        chosen = FleetFilter(QueryDict(chosen_by))
        policy, counts = policies.policy_of(organization), fleet.counts(organization.pk)
        rows = chosen.apply(rows, Lowest.of(policy, counts))
    else:
        authorizations, devices = fleet_revocation.ticked(request.POST.getlist("row"))
        rows = rows.filter(authorization__in=authorizations) | rows.filter(person=None, device__in=devices)
    bulk = fleet_revocation.prepare(rows, organization=organization, by=request.user, chosen_by=chosen_by)
    if not bulk.total:
        bulk.delete()
        messages.warning(request, _("No active device was selected."))
        return redirect("organization_devices", slug)
    return redirect("organization_devices_revocation", slug, bulk.pk)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@recent_authentication_required
def organization_devices_revocation(
    request: SignedInRequest, slug: str, revocation_id: uuid.UUID
) -> HttpResponse:
    """GET lists whom it touches, and after the confirmation how far it is; POST confirms."""
    organization, bulk = _found(request, slug, revocation_id)
    if request.method == "POST":
        if bulk.created_by_id != request.user.pk:
            raise PermissionDenied(_("Only whoever selected these devices can confirm it."))
        fleet_revocation.confirm(bulk, origin=Origin.of(request))
        return redirect("organization_devices_revocation", slug, bulk.pk)
    if bulk.confirmed_at is not None:
        return render(request, "devices/fleet_bulk_result.html", {"organization": organization, "bulk": bulk})
    start = _start(request.GET.get("from", ""), bulk)
    present = FleetPresenter(
        organization, policies.policy_of(organization), Dates.of(request.user), viewer=request.user
    )
    rows = shown(fleet_revocation.rows_of(bulk, start, start + PAGE_SIZE)).order_by("-last_seen_at", "-id")
    context = {
        "organization": organization,
        "bulk": bulk,
        "members": bulk.total - bulk.pooled,
        "rows": present.rows(rows),
        "first": start + 1,
        "last": min(start + PAGE_SIZE, bulk.total),
        "previous": start - PAGE_SIZE if start else None,
        "next": start + PAGE_SIZE if start + PAGE_SIZE < bulk.total else None,
        "is_mine": bulk.created_by_id == request.user.pk,
    }
    return render(request, "devices/fleet_bulk.html", context)


@polled
@login_required
@require_safe
def organization_devices_revocation_state(
    request: SignedInRequest, slug: str, revocation_id: uuid.UUID
) -> JsonResponse:
    """How far it is, for the page that waits."""
    _organization, bulk = _found(request, slug, revocation_id)
    return JsonResponse({"done": bulk.done, "total": bulk.total, "is_finished": bulk.finished_at is not None})


def _found(
    request: SignedInRequest, slug: str, revocation_id: uuid.UUID
) -> tuple[Organization, BulkRevocation]:
    organization = managed(request, slug)
    return organization, get_object_or_404(BulkRevocation, pk=revocation_id, organization=organization)


def _start(asked: str, bulk: BulkRevocation) -> int:
    start = int(asked) if asked.isdecimal() and len(asked) < 10 else 0
    return min(start - start % PAGE_SIZE, bulk.total - 1 - (bulk.total - 1) % PAGE_SIZE)
