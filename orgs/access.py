"""Whose organization an address names: resolved through the viewer, for every page of organizations."""

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils.translation import gettext as _

from orgs.models import Organization
from orgs.standing import SignedInRequest, standing_in


def workplace(request: SignedInRequest, slug: str) -> Organization:
    """The organization of that address, in which the signed-in person works.

    Taken from what the navigation asks for anyway: no query of its own, and the same answer
    (`Http404`) for a stranger, a patient, a former member and an address that nobody has.
    """
    for organization in standing_in(request).organizations:
        if organization.slug == slug:
            return organization
    raise Http404


def managed(request: SignedInRequest, slug: str) -> Organization:
    """The same, for its admins; whoever works there without being one is refused, and told so."""
    organization = workplace(request, slug)
    if not standing_in(request).is_admin_of(organization):
        raise PermissionDenied(_("Only admins of the organization can do this."))
    return organization
