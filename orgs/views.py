"""Pages of organizations that need nothing from the floors above."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from medimic.audit.log import Origin
from orgs import founding
from orgs.access import managed
from orgs.forms import NameForm
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


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def organization_settings(request: SignedInRequest, slug: str) -> HttpResponse:
    """What its admins decide for the organization."""
    organization = managed(request, slug)
    form = NameForm(request.POST or None, initial={"name": organization.name})
    if request.method == "POST" and form.is_valid():
        name = form.cleaned_data["name"]
        origin = Origin.of(request)
        if founding.rename(organization=organization, name=name, by=request.user, origin=origin):
            messages.success(request, _("The organization is called %(name)s now.") % {"name": name})
        return redirect("organization_settings", slug=slug)
    return render(request, "organizations/settings.html", {"organization": organization, "form": form})
