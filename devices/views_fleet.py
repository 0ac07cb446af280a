"""Organization → Devices: the list and its export, for admins."""

from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.recent import recent_authentication_required
from devices import fleet, fleet_export, policies
from devices.fleet_charts import bars_of
from devices.fleet_list import FleetFilter, Lowest, headers, rows_of
from devices.fleet_presenters import FleetPresenter, shown
from medimic.audit.log import Origin, record
from medimic.csv_export import stream
from medimic.formatting import Dates
from medimic.pagination import page_of
from orgs.access import managed
from orgs.models import Organization
from orgs.standing import SignedInRequest


@login_required
@require_safe
def organization_devices(request: SignedInRequest, slug: str) -> HttpResponse:
    """The devices of the members and of the pool; the same queries among ten and among 100,000."""
    organization = managed(request, slug)
    chosen = FleetFilter(request.GET, label_suffix="")
    policy, counts = policies.policy_of(organization), fleet.counts(organization.pk)
    rows = shown(chosen.apply(rows_of(organization), Lowest.of(policy, counts)))
    page = page_of(rows, request, order=chosen.order)
    present = FleetPresenter(organization, policy, Dates.of(request.user), viewer=request.user)
    context = {
        "organization": organization,
        "page": page,
        "rows": present.rows(page.rows),
        "filter": chosen,
        "headers": headers(chosen, request.GET),
        "bars": bars_of(counts, os=chosen.wanted("os"), app=chosen.wanted("app")),
        "active": counts.total(),
        "query": _query(request),
        "one_provider": _one_provider(chosen, organization),
    }
    return render(request, "devices/fleet.html", context)


@login_required
@require_safe
@recent_authentication_required
def organization_devices_export(request: SignedInRequest, slug: str) -> HttpResponseBase:
    """What the list is narrowed down to, as a CSV file; each row as an admin reads it."""
    organization = managed(request, slug)
    chosen = FleetFilter(request.GET)
    policy = policies.policy_of(organization)
    lowest = Lowest.of(policy, fleet.counts(organization.pk))
    rows = chosen.apply(rows_of(organization), lowest).order_by(*chosen.order)
    with transaction.atomic():
        record(
            "devices.fleet_exported",
            origin=Origin.of(request),
            person_id=request.user.pk,
            organization_id=organization.pk,
            subject=organization,
            details={"devices": rows.count(), "filter": _query(request)},
        )
    present = FleetPresenter(organization, policy, Dates.of(request.user), viewer=request.user)
    return stream(
        fleet_export.header(), fleet_export.lines(rows, present), f"devices-{organization.slug}.csv"
    )


def _query(request: SignedInRequest) -> str:
    """What the list is narrowed down to and sorted by, wherever in it one is."""
    kept = request.GET.copy()
    for gone in ("after", "before", "page"):
        kept.pop(gone, None)
    for name in [name for name in kept if not kept[name]]:
        del kept[name]
    return kept.urlencode()


def _one_provider(chosen: FleetFilter, organization: Organization) -> str:
    """Whose devices alone are shown; of somebody who has none here, nothing is told."""
    if not (person_id := chosen.wanted("provider")):
        return ""
    entry = rows_of(organization).filter(person=person_id).select_related("person").first()
    return entry.person.get_full_name() if entry and entry.person else _("Somebody else")
