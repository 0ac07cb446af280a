"""Upgrade Plan and what belongs to it: compare, look at what it costs, then do it."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.recent import recent_authentication_required
from billing import subscriptions
from billing.catalogue import FREE_TRIAL, TIERS, Plan
from billing.desk import Desk, desk_of
from billing.gateways import Gateway, GatewayError, Quote, Unavailable, current, gateway_of
from billing.presenters_plans import Receipt, is_at_once, plan_cards, tax_text
from billing.subscriptions import AlreadyOnPlan, AlreadySubscribed, NotPossible
from medimic.audit.log import Origin
from medimic.flows import founding
from medimic.flows.fitting import no_longer_fits
from medimic.flows.refusals_of_billing import refused
from orgs.models import Organization
from orgs.standing import SignedInRequest

PLANS = {plan.code: plan for plan in TIERS if plan != FREE_TRIAL}


@login_required
@require_safe
def plans(request: SignedInRequest, slug: str = "") -> HttpResponse:
    """The plans side by side, each with what it would cost today and from the renewal on."""
    desk = desk_of(request, slug)
    try:
        quotes = {plan.code: quote_for(desk, plan) for plan in PLANS.values() if _is_open(desk, plan)}
    except Unavailable:
        quotes = {}
    context = {"cards": plan_cards(desk, quotes), "is_unavailable": not quotes, "tax": tax_text(desk)}
    return render(request, "billing/plans.html", {**desk.context, **context})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@recent_authentication_required
def plan(request: SignedInRequest, code: str, slug: str = "") -> HttpResponse:
    """One plan: GET shows what it costs and what no longer fits, POST takes it."""
    desk = desk_of(request, slug)
    wanted = PLANS.get(code)
    if wanted is None or not _is_open(desk, wanted):
        raise Http404
    if wanted.per_seat and desk.organization is None:
        return founding.organization_with_plan(request, desk, wanted)
    try:
        quote = quote_for(desk, wanted)
        if request.method == "POST" and is_as_shown(request, quote):
            return _take(request, desk, wanted, quote)
    except (GatewayError, NotPossible) as error:
        return refused(request, desk, error)
    return render(request, "billing/plan.html", {**desk.context, **_asked(request, desk, wanted, quote)})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def cancellation(request: SignedInRequest, slug: str = "") -> HttpResponse:
    """GET says what ends and when, POST has the plan end with the period that is paid."""
    desk = desk_of(request, slug)
    if desk.subscription is None:
        raise Http404
    if request.method == "POST":
        try:
            gateway_of(desk.subscription).cancel(
                desk.subscription, by=request.user, origin=Origin.of(request), at=desk.at
            )
        except (GatewayError, NotPossible) as error:
            return refused(request, desk, error)
        messages.success(request, _("The plan ends with the period. Until then everything stays as it is."))
        return redirect(desk.addresses.home)
    context = {
        "fits": no_longer_fits(request.user, desk.organization, FREE_TRIAL, at=desk.at),
        "until": desk.day(desk.subscription.period.end),
        "plan": desk.plan,
    }
    return render(request, "billing/cancellation.html", {**desk.context, **context})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@recent_authentication_required
def resumption(request: SignedInRequest, slug: str = "") -> HttpResponse:
    """GET asks, POST lets the plan go on after all: no end, and no smaller plan."""
    desk = desk_of(request, slug)
    if desk.subscription is None:
        raise Http404
    if request.method == "POST":
        try:
            gateway_of(desk.subscription).resume(
                desk.subscription, by=request.user, origin=Origin.of(request), at=desk.at
            )
        except (GatewayError, NotPossible) as error:
            return refused(request, desk, error)
        messages.success(request, _("%(plan)s goes on.") % {"plan": desk.plan.name})
        return redirect(desk.addresses.home)
    context = {"plan": desk.plan, "until": desk.day(desk.subscription.period.end)}
    return render(request, "billing/resumption.html", {**desk.context, **context})


def quote_for(desk: Desk, plan: Plan) -> Quote:
    """What that plan costs the holder; of a plan for organizations, a person's own new one."""
    if plan.per_seat and desk.organization is None:
        return current().preview(Organization(), plan, seats=1, at=desk.at)
    seats = max(
        subscriptions.seats_needed(desk.holder, plan), desk.subscription.seats if desk.subscription else 1
    )
    return gateway_for(desk).preview(desk.holder, plan, seats=seats if plan.per_seat else 1, at=desk.at)


def gateway_for(desk: Desk) -> Gateway:
    return gateway_of(desk.subscription) if desk.subscription else current()


def is_as_shown(request: SignedInRequest, quote: Quote) -> bool:
    """Whether what was agreed to is what it costs now: a page may have been open over midnight."""
    return request.POST.get("due") == str(quote.due_minor) and request.POST.get("next") == str(
        quote.next_minor
    )


def _is_open(desk: Desk, plan: Plan) -> bool:
    """Whether the plan can be chosen: another than now, and one for such a holder."""
    is_for_them = plan in subscriptions.offered_to(desk.holder)
    return plan != desk.plan and (is_for_them or (desk.organization is None and plan.per_seat))


def _asked(request: SignedInRequest, desk: Desk, plan: Plan, quote: Quote) -> dict[str, object]:
    at_once = is_at_once(quote, desk.at)
    return {
        "plan": plan,
        "quote": quote,
        "receipt": Receipt.of(quote, desk),
        "fits": [] if at_once else no_longer_fits(request.user, desk.organization, plan, at=desk.at),
        "has_changed": request.method == "POST",
    }


def _take(request: SignedInRequest, desk: Desk, plan: Plan, quote: Quote) -> HttpResponse:
    origin, gateway = Origin.of(request), gateway_for(desk)
    try:
        if desk.subscription is None:
            gateway.subscribe(
                desk.holder, plan, seats=quote.seats, by=request.user, origin=origin, at=desk.at
            )
        else:
            gateway.change(desk.subscription, plan, by=request.user, origin=origin, at=desk.at)
    except (AlreadyOnPlan, AlreadySubscribed):
        # A second click: the first one did it.
        return redirect(desk.addresses.home)
    if is_at_once(quote, desk.at):
        messages.success(request, _("You are on %(plan)s from now on.") % {"plan": plan.name})
    else:
        told = _("You change to %(plan)s on %(day)s.")
        messages.success(request, told % {"plan": plan.name, "day": desk.day(quote.effective_at)})
    return redirect(desk.addresses.home)
