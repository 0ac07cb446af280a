"""Asking people into an organization, one by one or by a list, and what became of it."""

import uuid
from dataclasses import replace

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing.models import Subscription
from medimic.audit.log import Origin
from medimic.flows import seat_prices
from medimic.formatting import Dates
from medimic.pagination import page_of
from orgs import bulk, invitations
from orgs.access import managed
from orgs.forms import BulkForm, InvitationFilter, InvitationForm
from orgs.invitations import Wish
from orgs.models import Invitation, Organization
from orgs.presenters import invitation_rows, line_rows
from orgs.standing import SignedInRequest

NEWEST_FIRST = ("-created_at", "id")


@login_required
@require_safe
def organization_invitations(request: SignedInRequest, slug: str) -> HttpResponse:
    """The open ones, newest first; those that ran out among them."""
    organization = managed(request, slug)
    form = InvitationFilter(request.GET, label_suffix="", auto_id="filter_%s")
    found = organization.invitations.open().select_related("invited_by")
    if form.email:
        found = found.to(form.email)
    page = page_of(found, request, order=NEWEST_FIRST)
    context = {
        "organization": organization,
        "filter": form,
        "page": page,
        "rows": invitation_rows(page.rows, organization, dates=Dates.of(request.user)),
    }
    return render(request, "organizations/invitations.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def organization_invitation_new(request: SignedInRequest, slug: str) -> HttpResponse:
    """Ask one person in."""
    organization = managed(request, slug)
    form = InvitationForm(request.POST if request.method == "POST" else None)
    price = seat_prices.of(organization, [form["role"].value()], request.user) if form.is_bound else None
    is_agreed = price is None or "agreed" in request.POST
    if form.is_valid() and is_agreed:
        try:
            sent = invitations.invite(
                organization=organization,
                wish=Wish(form.cleaned_data["email"], form.cleaned_data["role"], adds_seat=price is not None),
                by=request.user,
                origin=Origin.of(request),
                most_a_day=_most_a_day(organization),
            )
        except invitations.Refused as refused:
            form.add_error("email", str(refused))
        else:
            told = _("The invitation to %(email)s is on its way. It is good for 14 days.")
            messages.success(request, told % {"email": sent.email})
            return redirect("organization_invitations", slug=slug)
    context = {"organization": organization, "form": form, "seat_price": price, "is_asked": form.is_valid()}
    return render(request, "organizations/invitation_new.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def organization_invitation_list(request: SignedInRequest, slug: str) -> HttpResponse:
    """Ask many in: a list is looked at first; sent is what a second POST confirms."""
    organization = managed(request, slug)
    form = BulkForm(
        request.POST if request.method == "POST" else None, request.FILES or None, initial={"text": ""}
    )
    context = {"organization": organization, "form": form, "most": bulk.MOST_LINES}
    if not form.is_valid():
        return render(request, "organizations/invitation_list.html", context)
    try:
        lines = bulk.lines_of(organization, form.cleaned_data["text"], role=form.cleaned_data["role"])
    except bulk.TooLong:
        form.add_error(None, _("A list holds %(most)d lines at most. Split it.") % {"most": bulk.MOST_LINES})
        return render(request, "organizations/invitation_list.html", context)
    price = seat_prices.of(organization, [line.wish.role for line in lines if line.is_to_send], request.user)
    if "confirmed" in request.POST and (price is None or "agreed" in request.POST):
        try:
            return _send(request, organization, lines, adds_seats=price is not None)
        except invitations.Refused as refused:
            context["refused"] = str(refused)
    again = BulkForm(initial={"text": form.cleaned_data["text"], "role": form.cleaned_data["role"]})
    to_send = sum(line.is_to_send for line in lines)
    context |= {"form": again, "lines": line_rows(lines), "to_send": to_send, "others": len(lines) - to_send}
    context |= {"seat_price": price, "is_asked": "confirmed" in request.POST}
    return render(request, "organizations/invitation_preview.html", context)


@login_required
@require_POST
def organization_invitation_sending(
    request: SignedInRequest, slug: str, invitation_id: uuid.UUID
) -> HttpResponse:
    """Mail it anew, under another link."""
    invitation = _invitation(managed(request, slug), invitation_id)
    try:
        invitations.send_again(invitation=invitation, by=request.user, origin=Origin.of(request))
    except invitations.Refused as refused:
        messages.warning(request, str(refused))
    else:
        told = _("A new mail is on its way to %(email)s. The link of the last one works no more.")
        messages.success(request, told % {"email": invitation.email})
    return redirect("organization_invitations", slug=slug)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def organization_invitation_withdrawal(
    request: SignedInRequest, slug: str, invitation_id: uuid.UUID
) -> HttpResponse:
    """GET asks, POST takes it back."""
    organization = managed(request, slug)
    invitation = _invitation(organization, invitation_id)
    if request.method == "POST":
        invitations.withdraw(invitation=invitation, by=request.user, origin=Origin.of(request))
        told = _("The invitation to %(email)s is withdrawn.")
        messages.success(request, told % {"email": invitation.email})
        return redirect("organization_invitations", slug=slug)
    context = {"organization": organization, "invitation": invitation}
    return render(request, "organizations/invitation_withdrawal.html", context)


def _send(
    request: SignedInRequest, organization: Organization, lines: list[bulk.Line], *, adds_seats: bool
) -> HttpResponse:
    sent = invitations.invite_all(
        organization=organization,
        wishes=[replace(line.wish, adds_seat=adds_seats) for line in lines if line.is_to_send],
        by=request.user,
        origin=Origin.of(request),
        most_a_day=_most_a_day(organization),
    )
    told = ngettext(
        "%(n)d invitation is on its way. It is good for 14 days.",
        "%(n)d invitations are on their way. They are good for 14 days.",
        len(sent),
    )
    messages.success(request, told % {"n": len(sent)})
    return redirect("organization_invitations", slug=organization.slug)


def _invitation(organization: Organization, invitation_id: uuid.UUID) -> Invitation:
    open_ones = organization.invitations.open().select_related("organization")
    return get_object_or_404(open_ones, pk=invitation_id)


def _most_a_day(organization: Organization) -> int:
    """Whoever pays nothing cannot have us write to a thousand strangers a day."""
    is_paid = Subscription.objects.living().filter(organization=organization).exists()
    return invitations.MOST_A_DAY if is_paid else invitations.MOST_A_DAY_ON_TRIAL
