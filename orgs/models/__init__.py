"""Organizations, who belongs to them, and what they hold."""

from .invitations import Invitation, InvitationQuerySet
from .organizations import (
    Membership,
    MembershipQuerySet,
    Organization,
    OrganizationQuerySet,
    OrganizationWord,
)
from .policies import LONGEST_DISUSE, SHORTEST_DISUSE, Policy
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
    "LONGEST_DISUSE",
    "SHORTEST_DISUSE",
    "Enrollment",
    "EnrollmentQuerySet",
    "Invitation",
    "InvitationQuerySet",
    "Membership",
    "MembershipQuerySet",
    "Organization",
    "OrganizationQuerySet",
    "OrganizationWord",
    "Policy",
    "Questionnaire",
    "QuestionnaireResponse",
    "QuestionnaireVersion",
    "ResponseQuerySet",
    "VersionQuerySet",
]
