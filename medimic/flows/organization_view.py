"""What your organization sees: a member's own look through the eyes of its admins.

Drawn by the very code that draws the admins' and clinicians' pages, so that it cannot tell less.
"""

from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.models import Person
from devices import policies
from devices.fleet_list import rows_of
from devices.fleet_presenters import FleetPresenter, FleetRow, shown
from medimic.flows import patient_facts
from medimic.formatting import Dates
from orgs import second_factor
from orgs.models import Membership, Organization
from orgs.presenters import MemberRow, member_rows
from orgs.standing import SignedInRequest, standing_in

MOST_DEVICES = 50


@dataclass(frozen=True)
class Seen:
    """What one organization sees: as of somebody who works there, or as of a patient."""

    organization: Organization
    is_patient: bool
    member: MemberRow | None = None
    devices: list[FleetRow] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    asks_factor: bool = False


@login_required
@require_safe
def organization_view(request: SignedInRequest) -> HttpResponse:
    """For each organization that the person belongs to."""
    seen = [_seen(membership, request.user) for membership in standing_in(request).memberships]
    return render(request, "organizations/view.html", {"seen": seen})


def _seen(membership: Membership, person: Person) -> Seen:
    organization = membership.organization
    # `standing_in` asks for the organizations alone: this is the person who asks.
    membership.person = person
    if membership.role == Membership.Role.PATIENT:
        facts = patient_facts.of(membership, viewer=person, with_email=True, may_revoke=False)
        return Seen(organization, is_patient=True, facts=facts)
    dates = Dates.of(person)
    rows = member_rows([membership], organization, dates=dates, viewer=person, for_admin=True)
    entries = shown(rows_of(organization).filter(person=person)).order_by("-last_seen_at", "id")
    present = FleetPresenter(organization, policies.policy_of(organization), dates, viewer=person)
    return Seen(
        organization,
        is_patient=False,
        member=rows[0],
        devices=present.rows(entries[:MOST_DEVICES]),
        asks_factor=second_factor.is_asked(organization),
    )
