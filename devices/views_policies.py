"""Organization → Policies: what is asked of devices, with a look at whom it touches before it is saved."""

from dataclasses import dataclass

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from devices import policies
from devices.fleet_presenters import FleetPresenter, FleetRow, shown
from devices.forms_fleet import PolicyForm
from devices.models import FleetEntry, os_name
from medimic.audit.log import Origin, record
from medimic.formatting import Dates
from orgs import second_factor, single_sign_on
from orgs.access import managed
from orgs.members import with_people
from orgs.models import Membership, Organization, Policy
from orgs.presenters import MemberRow, member_rows
from orgs.standing import SignedInRequest

SHOWN = 20


@dataclass(frozen=True)
class Consequence:
    """What one rule does: how many rows of the list, and the first of them."""

    title: str
    what: str
    count: int
    rows: list[FleetRow]

    @property
    def more(self) -> int:
        return self.count - len(self.rows)


@dataclass(frozen=True)
class ForPeople:
    """What one rule asks of people: how many, and the first of them."""

    title: str
    what: str
    count: int
    rows: list[MemberRow]

    @property
    def more(self) -> int:
        return self.count - len(self.rows)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def organization_policies(request: SignedInRequest, slug: str) -> HttpResponse:
    """GET shows the policy; POST looks whom it would touch, and, sent from there, saves it."""
    organization = managed(request, slug)
    policy = policies.policy_of(organization)
    form = PolicyForm(request.POST if request.method == "POST" else None, policy=policy)
    context = {"organization": organization, "form": form}
    if form.is_valid() and "change" not in request.POST:
        before = summary(policy)
        policy = form.apply(policy)
        if "save" in request.POST:
            _save(request, policy, before)
            return redirect("organization_policies", slug)
        context |= {
            "consequences": dry_run(policy, organization, request),
            "people": for_people(policy, organization, request),
            "summary": summary(policy),
        }
        return render(request, "devices/policy_preview.html", context)
    return render(request, "devices/policies.html", context)


def dry_run(policy: Policy, organization: Organization, request: SignedInRequest) -> list[Consequence]:
    """Whom a policy that is not saved yet would touch, by what enforcement itself asks."""
    dates = Dates.of(request.user)
    touched = policies.touched(policy, timezone.now())
    present = FleetPresenter(organization, policy, dates, viewer=request.user)

    def consequence(title: str, what: str, rows: "QuerySet[FleetEntry]") -> Consequence:
        return Consequence(title, what, rows.count(), present.rows(shown(rows)[:SHOWN]))

    found = [
        consequence(
            _("Older apps"), _("are marked in the list, and their owners are told by e-mail."), touched.app
        ),
        consequence(
            _("Older systems"), _("are marked in the list, and their owners are told by e-mail."), touched.os
        ),
    ]
    if policy.unused_days:
        told = _("are told of by e-mail now, and revoked from %(day)s on unless they are used before.")
        found.append(
            consequence(_("Unused devices"), told % {"day": dates.date(touched.revoked_from)}, touched.unused)
        )
    return found


def for_people(policy: Policy, organization: Organization, request: SignedInRequest) -> list[ForPeople]:
    """Whom a policy asks for something that they do not have yet, by what enforcement itself asks."""
    dates = Dates.of(request.user)

    def consequence(title: str, what: str, rows: "QuerySet[Membership]") -> ForPeople:
        first = with_people(rows).order_by("person__last_name", "person__first_name", "id")[:SHOWN]
        named = member_rows(first, organization, dates=dates, viewer=request.user, for_admin=True)
        return ForPeople(title, what, rows.count(), named)

    found = []
    if policy.second_factor:
        what = _("They set one up at their next page, before they can go on, and are told by e-mail.")
        lacking = second_factor.without_factor(organization)
        found.append(consequence(_("Members without a second factor"), what, lacking))
    if policy.single_sign_on:
        what = _("They connect your provider at their next page. Then it alone signs them in.")
        lacking = single_sign_on.not_connected(organization)
        found.append(consequence(_("Members who have not connected it yet"), what, lacking))
    return found


def summary(policy: Policy) -> str:
    """The policy in one line; empty where it asks for nothing."""
    labels = policies.known_platforms()
    parts = [f"MediMic ≥ {version} ({labels[name]})" for name, version in sorted(policy.lowest_app.items())]
    parts += [f"≥ {os_name(labels[name], version)}" for name, version in sorted(policy.lowest_os.items())]
    if policy.unused_days:
        parts.append(_("revoked after %(days)d days without use") % {"days": policy.unused_days})
    if policy.confirm_devices:
        parts.append(_("new devices confirmed by digits"))
    if policy.second_factor:
        parts.append(_("second factor required"))
    if policy.single_sign_on:
        parts.append(_("single sign-on required"))
    return ", ".join(parts)


def _save(request: SignedInRequest, policy: Policy, before: str) -> None:
    after = summary(policy)
    if after == before:
        messages.success(request, _("The policy is as it was."))
        return
    with transaction.atomic():
        policy.save()
        record(
            "devices.policy_changed",
            origin=Origin.of(request),
            person_id=request.user.pk,
            organization_id=policy.organization_id,
            subject=policy.organization,
            details={"before": before, "after": after or "–"},
        )
    messages.success(request, _("The policy is saved."))
