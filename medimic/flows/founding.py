"""Making an organization."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from medimic.audit.log import Origin
from medimic.flows import memberships
from orgs.forms import NameForm
from orgs.standing import SignedInRequest, standing_in


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def organization_new(request: SignedInRequest) -> HttpResponse:
    """Whoever makes one is its admin; it starts on the Free Trial."""
    if standing_in(request).is_patient_only:
        raise Http404
    form = NameForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            organization = memberships.create(
                name=form.cleaned_data["name"], by=request.user, origin=Origin.of(request)
            )
        except memberships.TooMany:
            form.add_error(None, _too_many())
        else:
            made = _("%(name)s is there, and you are its admin. Invite your colleagues next.")
            messages.success(request, made % {"name": organization.name})
            return redirect("organization_detail", slug=organization.slug)
    return render(request, "organizations/new.html", {"form": form})


def _too_many() -> str:
    return _(
        "You have made %(n)d organizations that are on the Free Trial, and can make no more. "
        "Put one of them on a plan first."
    ) % {"n": memberships.MOST_WITHOUT_A_PLAN}
