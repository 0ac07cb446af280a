"""What every template knows."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise, SimpleLazyObject
from django.utils.translation import gettext_lazy as _

from accounts import time_outs
from accounts.models import Person
from billing.models import Subscription
from orgs import tabs
from orgs.standing import standing_in


@dataclass(frozen=True, slots=True)
class Item:
    """A line of the navigation, or a tab."""

    label: Promise
    href: str
    icon: str
    is_current: bool


# (label, URL name, icon, first segments of the addresses that belong to it)
SECTIONS = (
    (_("Dashboard"), "dashboard", "dashboard", {""}),
    (_("Sessions"), "sessions", "sessions", {"sessions", "join"}),
    (_("Organization"), "organization", "organization", {"organization", "organizations", "invitations"}),
    (_("Billing"), "billing", "billing", {"billing"}),
)
# What a patient's portal leaves out: they work in no organization and are outside every plan.
NOT_FOR_PATIENTS = {"organization", "billing"}
# No mail that they get can be switched.
TABS_NOT_FOR_PATIENTS = {"notifications"}

# (label, URL name, icon, beginnings of the addresses that belong to it)
SETTINGS_TABS = (
    (_("Profile"), "profile", "user", ("settings/", "accounts/email/")),
    (_("Notifications"), "notifications", "mail", ("settings/notifications/",)),
    (_("Connected Devices"), "devices", "phone", ("settings/devices/",)),
    (_("Security"), "security", "shield", ("settings/security/", "accounts/")),
    (_("Activity"), "activity", "clock", ("settings/activity/",)),
)


def portal(request: HttpRequest) -> dict[str, Any]:
    return {
        "SUPPORT_EMAIL": settings.SUPPORT_EMAIL,
        # Lazy: the navigation costs a query, and half of all templates draw none.
        "navigation": SimpleLazyObject(lambda: navigation(request)),
        "settings_tabs": SimpleLazyObject(lambda: settings_tabs(request)),
        "sign_in": SimpleLazyObject(lambda: time_outs.standing_of_page(request)),
        "belongs_somewhere": SimpleLazyObject(lambda: bool(standing_in(request).memberships)),
        "organization_bar": SimpleLazyObject(lambda: tabs.bar(request)),
    }


def navigation(request: HttpRequest) -> list[Item]:
    """The sections that this person may enter; the one they are in is current."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return []
    hidden = _hidden_from_patients(user) if standing_in(request).is_patient_only else set()
    here = _route(request)
    segment = None if here is None else here.partition("/")[0]
    return [
        Item(label, _address(name), icon, segment in segments)
        for label, name, icon, segments in SECTIONS
        if name not in hidden
    ]


def _hidden_from_patients(person: Person) -> set[str]:
    """Who pays, or paid, for a plan of their own finds their invoices; only patients cost this query."""
    if Subscription.objects.filter(person=person).exists():
        return NOT_FOR_PATIENTS - {"billing"}
    return NOT_FOR_PATIENTS


def settings_tabs(request: HttpRequest) -> list[Item]:
    """The tabs of Account Settings; of several that fit an address, the longest beginning wins."""
    here = _route(request) or ""
    fits = [start for tab in SETTINGS_TABS for start in tab[3] if here.startswith(start)]
    longest = max(fits, key=len, default=None)
    hidden = TABS_NOT_FOR_PATIENTS if standing_in(request).is_patient_only else set()
    return [
        Item(label, _address(name), icon, longest in starts)
        for label, name, icon, starts in SETTINGS_TABS
        if name not in hidden
    ]


def _route(request: HttpRequest) -> str | None:
    """The pattern that the address matched, or None where it matched nothing."""
    return request.resolver_match.route if request.resolver_match else None


@lru_cache(maxsize=32)
def _address(name: str) -> str:
    return reverse(name)
