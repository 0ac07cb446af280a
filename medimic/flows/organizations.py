"""An organization's page: its people, and the plan that it is on."""

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.models import Person
from billing.entitlements import Payer, terms_of
from billing.presenters import PlanFacts
from medimic.formatting import Dates
from medimic.pagination import page_of
from orgs.models import Membership, Organization
from orgs.presenters import member_rows
from orgs.standing import SignedInRequest, standing_in

# By name; together with the key that is one order, which pages can follow.
ORDER = ("last_name", "first_name", "id")


@login_required
@require_safe
def organization_detail(request: SignedInRequest, slug: str) -> HttpResponse:
    """Name, plan, billing period and members; patients are listed for admins alone."""
    organization = get_object_or_404(Organization.objects.visible_to(request.user), slug=slug)
    standing = standing_in(request)
    is_admin = standing.is_admin_of(organization)
    shows_patients = request.GET.get("role") == Membership.Role.PATIENT
    if shows_patients and not is_admin:
        raise PermissionDenied
    dates = Dates.of(request.user)
    page = page_of(_people(organization, patients=shows_patients), request, order=ORDER)
    terms = terms_of(Payer(organization_id=organization.pk), at=timezone.now())
    context = {
        "organization": organization,
        "organizations": standing.organizations,
        "is_admin": is_admin,
        "shows_patients": shows_patients,
        "plan": PlanFacts.of(terms, dates, request.user.date_locale),
        "page": page,
        "members": member_rows(
            page.rows, organization, dates=dates, viewer=request.user, with_email=is_admin
        ),
    }
    return render(request, "organizations/detail.html", context)


def _people(organization: Organization, *, patients: bool) -> QuerySet[Person]:
    memberships = organization.memberships.living()
    if patients:
        memberships = memberships.filter(role=Membership.Role.PATIENT)
    else:
        memberships = memberships.working()
    return Person.objects.filter(pk__in=memberships.values("person"))
