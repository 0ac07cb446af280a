"""Billing & Plan."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing.arrangements import Arrangement, arrangements_of
from billing.presenters import ArrangementPanel, tiers
from billing.usage import DayCounts, per_day
from medimic.formatting import Dates
from orgs.models import Membership
from orgs.standing import SignedInRequest, standing_in


@login_required
@require_safe
def billing(request: SignedInRequest) -> HttpResponse:
    """Every plan that the person creates sessions under; those they manage with prices and days."""
    standing = standing_in(request)
    arrangements = arrangements_of(request.user, standing, at=timezone.now())
    if standing.is_patient_only and not any(a.terms.subscription for a in arrangements):
        raise Http404
    dates, locale = Dates.of(request.user), request.user.date_locale
    managed = [a for a in arrangements if a.is_manager]
    counts = per_day([a.usage_period for a in managed if a.usage_period])
    admins = _admins(arrangements)
    panels = [
        ArrangementPanel.of(
            a,
            dates,
            locale,
            admins=admins[a.payer.organization_id] if not a.is_manager else (),
            counts=_counts(a, counts) if a.is_manager else None,
        )
        for a in arrangements
    ]
    context = {"panels": panels, "tiers": tiers((a.terms.plan for a in arrangements), locale)}
    return render(request, "billing/billing.html", context)


def _counts(arrangement: Arrangement, counts: Mapping[uuid.UUID, DayCounts]) -> DayCounts:
    """The sessions per day of one payer; none before its first session."""
    period = arrangement.usage_period
    return counts.get(period, {}) if period else {}


def _admins(arrangements: Iterable[Arrangement]) -> dict[uuid.UUID | None, list[str]]:
    """Whom to ask about the plan of each organization that somebody else manages, by name."""
    asked = [a.organization for a in arrangements if not a.is_manager]
    found: dict[uuid.UUID | None, list[str]] = defaultdict(list)
    admins = Membership.objects.living().filter(organization__in=asked, role=Membership.Role.ADMIN)
    for membership in admins.with_people():
        found[membership.organization_id].append(membership.person.name)
    return found
