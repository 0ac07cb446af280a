"""Organizations, who belongs to them, and what they hold."""

from .invitations import Invitation, InvitationQuerySet
from .organizations import Membership, MembershipQuerySet, Organization, OrganizationQuerySet

__all__ = [
    "Invitation",
    "InvitationQuerySet",
    "Membership",
    "MembershipQuerySet",
    "Organization",
    "OrganizationQuerySet",
]
