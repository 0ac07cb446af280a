"""Making an organization."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from billing.catalogue import Plan
from billing.desk import Desk, desk_of
from billing.gateways import GatewayError, current
from billing.presenters_plans import Receipt
from billing.subscriptions import NotPossible
from medimic.audit.log import Origin
from medimic.flows import memberships
from medimic.flows.refusals_of_billing import refused
from orgs.forms import NameForm
from orgs.models import Organization
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


def organization_with_plan(request: SignedInRequest, desk: Desk, plan: Plan) -> HttpResponse:
    """Team and Enterprise are an organization's: whoever buys one names it, and is its admin.

    `desk` is the person's own. Without the payment the organization is there all the same, on the
    Free Trial, and the plan can be taken from its own pages.
    """
    if standing_in(request).is_patient_only:
        raise Http404
    form = NameForm(request.POST if request.method == "POST" else None)
    quote = current().preview(Organization(), plan, seats=1, at=desk.at)
    if form.is_valid():
        origin = Origin.of(request)
        try:
            organization = memberships.create(name=form.cleaned_data["name"], by=request.user, origin=origin)
        except memberships.TooMany:
            form.add_error(None, _too_many())
        else:
            return _buy(request, organization, plan, origin)
    context = {"form": form, "plan": plan, "quote": quote, "receipt": Receipt.of(quote, desk)}
    return render(request, "billing/new_organization.html", {**desk.context, **context})


def _buy(request: SignedInRequest, organization: Organization, plan: Plan, origin: Origin) -> HttpResponse:
    # The memberships that the request knew are from before it was made.
    request.__dict__.pop("_standing", None)
    desk = desk_of(request, organization.slug)
    try:
        current().subscribe(organization, plan, seats=1, by=request.user, origin=origin, at=desk.at)
    except (GatewayError, NotPossible) as error:
        return refused(request, desk, error)
    bought = _("%(name)s is there on %(plan)s, and you are its admin. Invite your colleagues next.")
    messages.success(request, bought % {"name": organization.name, "plan": plan.name})
    return redirect(desk.addresses.home)


def _too_many() -> str:
    return _(
        "You have made %(n)d organizations that are on the Free Trial, and can make no more. "
        "Put one of them on a plan first."
    ) % {"n": memberships.MOST_WITHOUT_A_PLAN}
