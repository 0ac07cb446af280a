"""The tab bar of an organization's pages, and the way from one organization to another.

Each of a person's organizations stands under an address of its own; nothing of it is kept in
the sign-in, so that two browser tabs can show two of them.
"""

from dataclasses import dataclass
from functools import lru_cache

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from orgs.standing import standing_in

# (URL name, label, whether admins alone see it, beginning of its addresses behind the slug)
TABS = (
    ("organization_detail", _("Overview"), False, ""),
    ("organization_members", _("Members"), False, "members/"),
    ("organization_devices", _("Devices"), True, "devices/"),
    ("organization_patients", _("Patients"), False, "patients/"),
    ("organization_questionnaires", _("Questionnaires"), False, "questionnaires/"),
    ("organization_policies", _("Policies"), True, "policies/"),
    ("organization_billing", _("Billing"), True, "billing/"),
    ("organization_audit", _("Audit"), True, "audit/"),
    ("organization_settings", _("Settings"), True, "settings/"),
)
ANY = "-"


@dataclass(frozen=True, slots=True)
class Tab:
    label: Promise
    href: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class Other:
    """One of the organizations that a person can change to."""

    name: str
    href: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class Bar:
    """What stands above every page of an organization."""

    name: str
    is_admin: bool
    tabs: list[Tab]
    others: list[Other]


def bar(request: HttpRequest) -> Bar | None:
    """For the organization that the address names, if the signed-in person works there; no query more."""
    match = request.resolver_match
    slug = match.kwargs.get("slug") if match else None
    standing = standing_in(request)
    here = next((found for found in standing.organizations if found.slug == slug), None)
    if match is None or here is None:
        return None
    is_admin = standing.is_admin_of(here)
    shown = [
        (label, pattern.replace(f"/{ANY}/", f"/{here.slug}/"), start)
        for name, label, for_admins, start in TABS
        if (is_admin or not for_admins) and (pattern := _pattern(name))
    ]
    behind = match.route.partition("<slug:slug>/")[2]
    fits = [start for _label, _href, start in shown if behind.startswith(start)]
    longest = max(fits, key=len, default="")
    detail = _pattern("organization_detail") or ""
    return Bar(
        name=here.name,
        is_admin=is_admin,
        tabs=[Tab(label, href, start == longest) for label, href, start in shown],
        others=[
            Other(other.name, detail.replace(f"/{ANY}/", f"/{other.slug}/"), other.pk == here.pk)
            for other in standing.organizations
        ],
    )


@lru_cache(maxsize=32)
def _pattern(name: str) -> str | None:
    """The address with `ANY` as its slug; None for a page that there is not."""
    try:
        return reverse(name, args=[ANY])
    except NoReverseMatch:
        return None
