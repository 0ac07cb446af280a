"""Organizations that ask their members for single sign-on.

Which domain of email addresses belongs to which provider, the configuration says (`OIDC_…_DOMAINS`): whoever
sets a provider up vouches for it. An organization asks it of its own members with such an address, and of
nobody else. Who has connected the provider is signed in by it alone; who has not is led to connecting it.
"""

from collections.abc import Callable
from typing import Any

from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from accounts import sign_on_demands
from accounts.models import Person
from accounts.sign_on_demands import Demand
from medimic.audit.log import SYSTEM, record
from orgs.models import Membership, Organization, Policy
from orgs.second_factor import is_open
from orgs.standing import standing_in

NOBODY = Q(pk__in=())


def domains() -> dict[str, dict[str, Any]]:
    """Each domain of the configuration, with its provider."""
    apps = settings.SOCIALACCOUNT_PROVIDERS.get("openid_connect", {}).get("APPS", [])
    return {domain: app for app in apps for domain in app["settings"].get("domains", [])}


def demand_of(person: Person) -> Demand | None:
    """Whether an organization that the person works in asks for the provider of their address."""
    app = _provider_of(person)
    if app is None:
        return None
    workplaces = Membership.objects.working().filter(person=person, organization__policy__single_sign_on=True)
    membership = workplaces.select_related("organization").order_by("organization__name").first()
    return _demand(membership.organization, app) if membership else None


def not_connected(organization: Organization) -> QuerySet[Membership]:
    """Who works there, has an address of a domain, and has not connected its provider yet."""
    condition = NOBODY
    for domain, app in domains().items():
        connected = SocialAccount.objects.filter(user=OuterRef("person"), provider=app["provider_id"])
        condition |= Q(person__email__endswith=f"@{domain}") & Q(~Exists(connected))
    return organization.memberships.working().filter(condition)


def lift(organization: Organization) -> bool:
    """Support's way out, where the provider fails: members sign in with their password again. False
    if that was so."""
    with transaction.atomic():
        if not Policy.objects.filter(organization=organization, single_sign_on=True).update(
            single_sign_on=False
        ):
            return False
        record(
            "orgs.single_sign_on_lifted", origin=SYSTEM, organization_id=organization.pk, subject=organization
        )
        return True


def demand(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Lead to connecting the provider, from every page but those that are always open."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        return get_response(request)

    def process_view(request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponseBase | None:
        if not isinstance(request.user, Person) or is_open(request, view):
            return None
        asked = _asked(request, request.user)
        if asked is None or sign_on_demands.is_connected(request.user, asked):
            return None
        messages.info(
            request,
            _("%(organization)s asks for single sign-on. Connect %(provider)s, and go on.")
            % {"organization": asked.organization, "provider": asked.provider_name},
        )
        return redirect("socialaccount_connections")

    middleware.process_view = process_view  # type: ignore[attr-defined]
    return middleware


def _asked(request: HttpRequest, person: Person) -> Demand | None:
    """As `demand_of`, from what the navigation asks for anyway."""
    app = _provider_of(person)
    if app is None:
        return None
    for membership in standing_in(request).working:
        policy = getattr(membership.organization, "policy", None)
        if policy is not None and policy.single_sign_on:
            return _demand(membership.organization, app)
    return None


def _provider_of(person: Person) -> dict[str, Any] | None:
    return domains().get((person.email or "").rpartition("@")[2])


def _demand(organization: Organization, app: dict[str, Any]) -> Demand:
    return Demand(organization.name, app["provider_id"], app["name"])
