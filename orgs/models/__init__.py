"""Organizations, who belongs to them, and what they hold."""

from .invitations import Invitation, InvitationQuerySet
from .organizations import Membership, MembershipQuerySet, Organization, OrganizationQuerySet
from .questionnaires import (
    Enrollment,
    EnrollmentQuerySet,
    Questionnaire,
    QuestionnaireResponse,
    QuestionnaireVersion,
    ResponseQuerySet,
    VersionQuerySet,
)

__all__ = [
    "Enrollment",
    "EnrollmentQuerySet",
    "Invitation",
    "InvitationQuerySet",
    "Membership",
    "MembershipQuerySet",
    "Organization",
    "OrganizationQuerySet",
    "Questionnaire",
    "QuestionnaireResponse",
    "QuestionnaireVersion",
    "ResponseQuerySet",
    "VersionQuerySet",
]
