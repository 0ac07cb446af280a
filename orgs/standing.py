"""What somebody is in which organization, asked once for a request."""

from dataclasses import dataclass

from django.http import HttpRequest

from accounts.models import Person
from orgs.models import Membership, Organization


class SignedInRequest(HttpRequest):
    """A request behind `login_required`."""

    user: Person


@dataclass(frozen=True)
class Standing:
    """A person's living memberships, with their organizations, by name."""

    memberships: tuple[Membership, ...]

    @property
    def working(self) -> tuple[Membership, ...]:
        """Those as provider or admin."""
        return tuple(m for m in self.memberships if m.role in Membership.WORKING_ROLES)

    @property
    def organizations(self) -> list[Organization]:
        """Where the person works."""
        return [membership.organization for membership in self.working]

    @property
    def is_patient_only(self) -> bool:
        """A patient and nothing else: no plan, no organization's pages, no creating of sessions."""
        return bool(self.memberships) and not self.working

    def is_admin_of(self, organization: Organization) -> bool:
        return any(
            m.organization_id == organization.pk and m.role == Membership.Role.ADMIN for m in self.working
        )


def standing_of(person: Person) -> Standing:
    """Asked anew, in one query."""
    memberships = Membership.objects.living().filter(person=person).select_related("organization__policy")
    return Standing(tuple(memberships.order_by("organization__name", "organization_id")))


def standing_in(request: HttpRequest) -> Standing:
    """Of the signed-in person; kept with the request, since navigation and page both ask."""
    known: Standing | None = getattr(request, "_standing", None)
    if known is None:
        known = standing_of(request.user) if isinstance(request.user, Person) else Standing(())
        request._standing = known  # type: ignore[attr-defined]
    return known
