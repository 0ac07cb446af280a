"""Organizations, who belongs to them, and what they hold."""

from .organizations import Membership, MembershipQuerySet, Organization, OrganizationQuerySet

__all__ = [
    "Membership",
    "MembershipQuerySet",
    "Organization",
    "OrganizationQuerySet",
]
