"""Organizations that ask their members for a second factor: of whom, and what happens until they have one.

It holds from the next page on: whoever works there and has none is led to choosing one, and gets nowhere
else meanwhile, except where they sign out or look after their account, and in a session that is going on.
"""

import datetime as dt
import time
import uuid
from collections.abc import Callable, Iterable
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.contrib import messages
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import enrolment
from accounts.models import Person
from medimic.audit.log import SYSTEM, record
from orgs import notices
from orgs.models import Membership, Organization
from orgs.standing import standing_in

EVERY = dt.timedelta(minutes=5)
# A job's run; what is left comes with the next.
RUNS_FOR = 20.0
BATCH = 200
# Signing out, one's account's security, and what every page needs.
ALWAYS_OPEN = ("accounts/", "settings/security/", "alerts/", "accessibility/", "static/", ".well-known/")
ALWAYS_OPEN_PAGES = ("healthz", "readyz")
# Nobody is sent away from a patient.
RUNNING = "sessions/<uuid:session_id>/"


def without_factor(organization: Organization) -> QuerySet[Membership]:
    """Who works there and has no second factor. Recovery codes alone are none."""
    factors = Authenticator.objects.filter(user=OuterRef("person")).exclude(
        type=Authenticator.Type.RECOVERY_CODES
    )
    return organization.memberships.working().filter(~Exists(factors))


def with_factor(people: Iterable[uuid.UUID]) -> QuerySet[Authenticator, uuid.UUID]:
    """The ids of those among these people who have one."""
    factors = Authenticator.objects.exclude(type=Authenticator.Type.RECOVERY_CODES)
    return factors.filter(user__in=list(people)).values_list("user_id", flat=True)


def is_asked(organization: Organization) -> bool:
    """Whether this organization asks for one; no query where its policy came with it."""
    policy = getattr(organization, "policy", None)
    return policy is not None and policy.second_factor


def demanding(request: HttpRequest) -> Organization | None:
    """The organization that asks the signed-in person for a second factor which they do not have.

    No query beside the navigation's own where none asks for one.
    """
    if not isinstance(request.user, Person):
        return None
    asking = [
        membership.organization
        for membership in standing_in(request).working
        if is_asked(membership.organization)
    ]
    return asking[0] if asking and not is_mfa_enabled(request.user) else None


def is_demanded_of(person: Person) -> bool:
    """The same, asked without a page around it."""
    memberships = Membership.objects.working().filter(person=person, organization__policy__second_factor=True)
    return memberships.exists() and not is_mfa_enabled(person)


def ask_everybody() -> None:
    """Tell whom it concerns, once for each time that an organization began to ask."""
    stop = time.monotonic() + RUNS_FOR
    factors = Authenticator.objects.filter(user=OuterRef("person"))
    waiting = (
        Membership.objects.working()
        .filter(~Exists(factors), organization__policy__second_factor=True)
        .filter(
            Q(factor_asked_at=None) | Q(factor_asked_at__lt=F("organization__policy__second_factor_since"))
        )
        .select_related("organization", "person")
        .order_by("pk")
    )
    while batch := list(waiting[:BATCH]):
        for membership in batch:
            _ask(membership)
            if time.monotonic() > stop:
                return


def _ask(membership: Membership) -> None:
    with transaction.atomic():
        # Of workers side by side one tells.
        asked_before = Q(factor_asked_at=membership.factor_asked_at)
        rows = Membership.objects.filter(asked_before, pk=membership.pk)
        if not rows.update(factor_asked_at=timezone.now()):
            return
        record(
            "orgs.second_factor_asked",
            origin=SYSTEM,
            person_id=membership.person_id,
            organization_id=membership.organization_id,
            details={"organization": membership.organization.name},
        )
        notices.second_factor_asked(membership)


def demand(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Lead to choosing a second factor, from every page but those that are always open."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        return get_response(request)

    def process_view(request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponseBase | None:
        if not request.user.is_authenticated or is_open(request, view):
            return None
        organization = demanding(request)
        if organization is None:
            return None
        messages.info(
            request,
            _("%(organization)s asks for a second factor. Set one up, and go on.")
            % {"organization": organization},
        )
        onward = request.get_full_path() if request.method in ("GET", "HEAD") else ""
        return enrolment.lead(request, onward)

    middleware.process_view = process_view  # type: ignore[attr-defined]
    return middleware


def is_open(request: HttpRequest, view: Any) -> bool:
    """Whether a page stays open to whom an organization asks for something."""
    route = request.resolver_match.route if request.resolver_match else ""
    return (
        route.startswith((*ALWAYS_OPEN, RUNNING, "api/"))
        or route in ALWAYS_OPEN_PAGES
        # What a page asks by itself would end in a redirect that nobody sees.
        or getattr(view, "is_polled", False)
    )
