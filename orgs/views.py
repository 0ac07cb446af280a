"""Pages of organizations that need nothing from the floors above."""

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from orgs.standing import SignedInRequest, standing_in


@login_required
@require_safe
def organization(request: SignedInRequest) -> HttpResponse:
    """One's own organization, or what an organization is."""
    standing = standing_in(request)
    if standing.is_patient_only:
        raise Http404
    if standing.organizations:
        return redirect("organization_detail", slug=standing.organizations[0].slug)
    return render(request, "organizations/none.html")
