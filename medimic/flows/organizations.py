"""An organization's Overview: the plan that it is on, and its people."""

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing.entitlements import Payer, terms_of
from billing.presenters import PlanFacts
from medimic.formatting import Dates
from orgs import members
from orgs.access import workplace
from orgs.presenters import member_rows
from orgs.standing import SignedInRequest, standing_in

SHOWN_MEMBERS = 8


@login_required
@require_safe
def organization_detail(request: SignedInRequest, slug: str) -> HttpResponse:
    """Name, plan, billing period, and the first members, with the way to all of them."""
    organization = workplace(request, slug)
    dates = Dates.of(request.user)
    terms = terms_of(Payer(organization_id=organization.pk), at=timezone.now())
    first = members.first_members(organization, SHOWN_MEMBERS + 1)
    context = {
        "organization": organization,
        "is_admin": standing_in(request).is_admin_of(organization),
        "created": dates.date(organization.created_at),
        "plan": PlanFacts.of(terms, dates, request.user.date_locale),
        "has_more": len(first) > SHOWN_MEMBERS,
        "members": member_rows(
            first[:SHOWN_MEMBERS], organization, dates=dates, viewer=request.user, for_admin=False
        ),
    }
    return render(request, "organizations/detail.html", context)
