"""An organization's members: listed, given another role, removed; and one's own leaving."""

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.recent import recent_authentication_required, require_recent_authentication
from billing.seats import NoSeat
from medimic.audit.log import Origin
from medimic.flows import memberships
from medimic.formatting import Dates
from orgs import members
from orgs.access import managed, workplace
from orgs.forms import HandoverForm, MemberFilter, RoleForm
from orgs.memberships import LastAdmin, NotEligible, hand_over
from orgs.models import Membership, Organization
from orgs.presenters import member_rows
from orgs.standing import SignedInRequest, standing_in

Role = Membership.Role


@login_required
@require_safe
def organization_members(request: SignedInRequest, slug: str) -> HttpResponse:
    """Who belongs to it; patients, addresses and invitations are for admins alone."""
    organization = workplace(request, slug)
    is_admin = standing_in(request).is_admin_of(organization)
    if request.GET.get("role") == Role.PATIENT and not is_admin:
        raise PermissionDenied
    form = MemberFilter(request.GET, for_admin=is_admin)
    page = members.page_for(request, organization, form, for_admin=is_admin)
    rows = member_rows(
        page.rows, organization, dates=Dates.of(request.user), viewer=request.user, for_admin=is_admin
    )
    context = {
        "organization": organization,
        "is_admin": is_admin,
        "filter": form,
        "page": page,
        "rows": rows,
    }
    return render(request, "organizations/members.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def member_role(request: SignedInRequest, slug: str, membership_id: uuid.UUID) -> HttpResponse:
    """GET asks which, POST gives it. Whoever touches an admin's role has proved who they are just now."""
    organization, membership = _member(request, slug, membership_id)
    form = RoleForm(request.POST if request.method == "POST" else None, initial={"role": membership.role})
    if membership.role == Role.ADMIN or request.POST.get("role") == Role.ADMIN:
        require_recent_authentication(request)
    if form.is_valid():
        try:
            memberships.change_role(
                membership=membership,
                role=form.cleaned_data["role"],
                by=request.user,
                origin=Origin.of(request),
            )
        except LastAdmin:
            return redirect("organization_handover", slug=slug)
        except NoSeat:
            return _without_seat(request, organization, membership, form)
        changed = _("%(name)s is now: %(role)s.")
        label = Role(form.cleaned_data["role"]).label
        messages.success(request, changed % {"name": membership.person.name, "role": label})
        if membership.person_id == request.user.pk:
            return redirect(_home(organization, membership))
        return redirect("organization_members", slug=slug)
    return _role_page(request, organization, membership, form)


def _without_seat(
    request: SignedInRequest, organization: Organization, membership: Membership, form: RoleForm
) -> HttpResponse:
    form.add_error("role", _("All paid seats are taken. Add one under Billing first."))
    return _role_page(request, organization, membership, form)


def _role_page(
    request: SignedInRequest, organization: Organization, membership: Membership, form: RoleForm
) -> HttpResponse:
    context = {
        "organization": organization,
        "membership": membership,
        "form": form,
        "ends": memberships.consequences(membership),
    }
    return render(request, "organizations/member_role.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def member_removal(request: SignedInRequest, slug: str, membership_id: uuid.UUID) -> HttpResponse:
    """GET says what removing this member ends, POST removes."""
    organization, membership = _member(request, slug, membership_id)
    if membership.person_id == request.user.pk:
        return redirect("organization_leaving", slug=slug)
    if membership.role == Role.ADMIN:
        require_recent_authentication(request)
    if request.method == "POST":
        memberships.remove(membership=membership, by=request.user, origin=Origin.of(request))
        removed = _("%(name)s no longer belongs to %(organization)s.")
        names = {"name": membership.person.name, "organization": organization.name}
        messages.success(request, removed % names)
        return redirect("organization_members", slug=slug)
    context = {
        "organization": organization,
        "membership": membership,
        "ends": memberships.consequences(membership),
    }
    return render(request, "organizations/member_removal.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def organization_leaving(request: SignedInRequest, slug: str) -> HttpResponse:
    """One's own leaving; the last admin is led to handing their role over first."""
    organization = workplace(request, slug)
    membership = (
        organization.memberships.working().select_related("person", "organization").get(person=request.user)
    )
    if request.method == "POST":
        try:
            memberships.remove(membership=membership, by=request.user, origin=Origin.of(request))
        except LastAdmin:
            return redirect("organization_handover", slug=slug)
        messages.success(request, _("You have left %(name)s.") % {"name": organization.name})
        return redirect("dashboard")
    context = {
        "organization": organization,
        "is_last_admin": _is_last_admin(organization, membership),
        "ends": memberships.consequences(membership),
    }
    return render(request, "organizations/leaving.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@recent_authentication_required
def organization_handover(request: SignedInRequest, slug: str) -> HttpResponse:
    """An admin makes a colleague one in their own place, and is a provider from then on."""
    organization = managed(request, slug)
    form = HandoverForm(
        request.POST if request.method == "POST" else None, organization=organization, by=request.user
    )
    if form.is_valid():
        to = form.cleaned_data["to"]
        try:
            hand_over(organization=organization, to=to, by=request.user, origin=Origin.of(request))
        except NotEligible:
            form.add_error("to", _("This colleague has just left. Choose another one."))
        else:
            told = _("%(name)s is an admin of %(organization)s now. You are a provider there.")
            names = {"name": to.person.name, "organization": organization.name}
            messages.success(request, told % names)
            return redirect("organization_detail", slug=slug)
    return render(request, "organizations/handover.html", {"organization": organization, "form": form})


def _member(request: SignedInRequest, slug: str, membership_id: uuid.UUID) -> tuple[Organization, Membership]:
    organization = managed(request, slug)
    membership = memberships.membership_of(organization, membership_id)
    if membership is None:
        raise Http404
    return organization, membership


def _is_last_admin(organization: Organization, membership: Membership) -> bool:
    others = organization.memberships.admins().exclude(pk=membership.pk)
    return membership.role == Role.ADMIN and not others.exists()


def _home(organization: Organization, membership: Membership) -> str:
    """Where somebody goes who has just changed their own role."""
    if not membership.is_working:
        return "/"
    return f"/organizations/{organization.slug}/"
