"""What is seen to while a plan runs: seats, the payment method, and to whom invoices are written."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.recent import recent_authentication_required
from billing import details as billing_details
from billing.desk import Desk, desk_of
from billing.forms import SeatsForm
from billing.gateways import GatewayError, Unavailable, gateway_of
from billing.models import Subscription
from billing.presenters_account import payment_text
from billing.presenters_plans import Receipt
from billing.subscriptions import NotPossible, working_members
from medimic.audit.log import Origin
from medimic.flows.plan_changes import is_as_shown
from medimic.flows.refusals_of_billing import refused
from orgs.models import Organization
from orgs.standing import SignedInRequest


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@recent_authentication_required
def seats(request: SignedInRequest, slug: str) -> HttpResponse:
    """GET asks how many, POST shows what they cost; sent from there, it adds them."""
    desk = desk_of(request, slug)
    subscription, organization = _with_seats(desk)
    form = SeatsForm(request.POST if request.method == "POST" else None, paid=subscription.seats)
    context = {"form": form, "members": working_members(organization)}
    if form.is_valid():
        wanted: int = form.cleaned_data["seats"]
        gateway = gateway_of(subscription)
        try:
            quote = gateway.preview(organization, desk.plan, seats=wanted, at=desk.at)
            if is_as_shown(request, quote):
                origin = Origin.of(request)
                gateway.set_seats(subscription, wanted, by=request.user, origin=origin, at=desk.at)
                messages.success(request, _("You pay for %(n)d providers now.") % {"n": wanted})
                return redirect(desk.addresses.home)
        except (GatewayError, NotPossible) as error:
            return refused(request, desk, error)
        context |= {
            "quote": quote,
            "receipt": Receipt.of(quote, desk),
            "wanted": wanted,
            "has_changed": "due" in request.POST,
        }
    return render(request, "billing/seats.html", {**desk.context, **context})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def details(request: SignedInRequest, slug: str = "") -> HttpResponse:
    """To whom invoices are written from now on."""
    desk = desk_of(request, slug)
    subscription = _living(desk)
    initial = {name: getattr(subscription, name) for name in billing_details.FIELDS}
    form = billing_details.DetailsForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.is_valid():
        try:
            billing_details.change(
                subscription, form.cleaned_data, by=request.user, origin=Origin.of(request)
            )
        except NotPossible as error:
            return refused(request, desk, error)
        messages.success(request, _("The next invoice is written so."))
        return redirect(desk.addresses.home)
    return render(request, "billing/details.html", {**desk.context, "form": form})


@login_required
@require_safe
@recent_authentication_required
def payment_method(request: SignedInRequest, slug: str = "") -> HttpResponse:
    """How the plan is paid, and the way to change it: at the payment service, where there is one."""
    desk = desk_of(request, slug)
    subscription = _living(desk)
    back = request.build_absolute_uri(desk.addresses.home)
    try:
        onward = gateway_of(subscription).payment_method_url(desk.holder, return_url=back)
    except Unavailable as error:
        return refused(request, desk, error)
    context = {"payment": payment_text(subscription), "onward": onward}
    return render(request, "billing/payment_method.html", {**desk.context, **context})


def _living(desk: Desk) -> Subscription:
    if desk.subscription is None:
        raise Http404
    return desk.subscription


def _with_seats(desk: Desk) -> tuple[Subscription, Organization]:
    subscription = _living(desk)
    if desk.organization is None or not subscription.plan.per_seat:
        raise Http404
    return subscription, desk.organization
