"""An invitation as the invited one meets it: from the mail's link on."""

from allauth.account.internal import flows
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts import invited
from accounts.invited import InvitedSignUp
from accounts.models import Person
from billing.notices import no_seat
from billing.seats import NoSeat
from medimic.audit.log import Origin
from medimic.audit.models import ActorKind
from medimic.flows import memberships
from medimic.formatting import Dates
from medimic.network import client_address, client_agent
from orgs import invitations
from orgs.models import Invitation, Membership


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Shows it; POST accepts or declines. Looking changes nothing: mail programs open links, too."""
    person = request.user if isinstance(request.user, Person) else None
    try:
        found = invitations.opened(token)
    except invitations.NotGood:
        return _not_good(request, token, person)
    if request.method == "POST":
        return _decide(request, token, person)
    return render(request, "invitations/invitation.html", _facts(found, token, person))


def _decide(request: HttpRequest, token: str, person: Person | None) -> HttpResponse:
    try:
        if request.POST.get("decision") == "decline":
            declined = invitations.decline(token=token, origin=Origin.of(request))
            return render(request, "invitations/declined.html", {"organization": declined.organization})
        if person is None:
            return redirect(_sign_in_address(token))
        membership = memberships.accept(token=token, person=person, origin=Origin.of(request))
    except invitations.NotGood:
        return _not_good(request, token, person)
    except invitations.NotAddressed:
        raise PermissionDenied(_("This invitation went to another address than yours.")) from None
    except NoSeat:
        return _no_seat(request, token)
    _welcome(request, membership)
    return redirect(_home(membership))


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("password1", "password2")
@never_cache
def invitation_sign_up(request: HttpRequest, token: str) -> HttpResponse:
    """Sign up with the invited address, which the link proves, and join at once."""
    try:
        found = invitations.opened(token)
        if request.user.is_authenticated:
            return redirect("invitation", token)
        if invited.has_account(found.email):
            return redirect(_sign_in_address(token))
        form = InvitedSignUp(request.POST if request.method == "POST" else None, email=found.email)
        if request.method == "POST" and form.is_valid():
            return _sign_up(request, token, form)
    except invitations.NotGood:
        return _not_good(request, token, None)
    except NoSeat:
        return _no_seat(request, token)
    context = {"form": form, **_facts(found, token, None)}
    return render(request, "invitations/sign_up.html", context)


def _sign_up(request: HttpRequest, token: str, form: InvitedSignUp) -> HttpResponse:
    """The account, its verified address and the membership stand or fall together."""
    with transaction.atomic():
        person = invited.sign_up(request, form)
        if person is None:
            return redirect(_sign_in_address(token))
        origin = Origin(ActorKind.PERSON, person.pk, client_address(request), client_agent(request))
        membership = memberships.accept(token=token, person=person, origin=origin)
        response: HttpResponse = flows.signup.complete_signup(
            request, user=person, redirect_url=_home(membership)
        )
    _welcome(request, membership)
    return response


def _facts(found: Invitation, token: str, person: Person | None) -> dict[str, object]:
    reader = person or found.invited_by
    return {
        "invitation": found,
        "organization": found.organization,
        "by": found.invited_by.name,
        "role": Membership.Role(found.role).label,
        "is_patient": found.role == Membership.Role.PATIENT,
        "until": Dates.of(reader).date(found.expires_at),
        "is_theirs": person is not None and invitations.is_addressed_to(found, person),
        "has_account": person is None and invited.has_account(found.email),
        "sign_in_url": _sign_in_address(token),
        "sign_up_url": reverse("invitation_sign_up", args=[token]),
        "here": reverse("invitation", args=[token]),
    }


def _not_good(request: HttpRequest, token: str, person: Person | None) -> HttpResponse:
    """The same for a link that ran out, was used or withdrawn, and for one that nobody ever had."""
    membership = invitations.accepted_by(token, person) if person else None
    if membership is not None:
        return redirect(_home(membership))
    return render(request, "invitations/not_good.html", status=404)


def _no_seat(request: HttpRequest, token: str) -> HttpResponse:
    """All paid seats are taken: nothing happened, the admins are told, and the link stays good."""
    try:
        found = invitations.opened(token)
    except invitations.NotGood:
        return _not_good(request, token, None)
    with transaction.atomic():
        no_seat(found.organization, email=found.email, invitation=found.pk)
    context = {"organization": found.organization}
    return render(request, "invitations/no_seat.html", context, status=409)


def _welcome(request: HttpRequest, membership: Membership) -> None:
    messages.success(
        request, _("You belong to %(organization)s now.") % {"organization": membership.organization.name}
    )


def _home(membership: Membership) -> str:
    if membership.is_working:
        return reverse("organization_detail", args=[membership.organization.slug])
    return reverse("dashboard")


def _sign_in_address(token: str) -> str:
    onward = urlencode({"next": reverse("invitation", args=[token])})
    return f"{reverse('account_login')}?{onward}"
