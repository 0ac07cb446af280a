"""Telling people's devices what came, changed or went in their organizations (`medimic.changes`).

Each is called last in the transaction that changes it.
"""

from allauth.account.models import EmailAddress

from medimic.changes import feeds
from medimic.changes.models import Kind
from orgs.models import Enrollment, Invitation, Membership, Organization


def membership_changed(*memberships: Membership) -> None:
    """Somebody came, left or has another role; what a patient was to answer there comes or goes along."""
    # Feeds are locked in the order of people, as everywhere.
    for membership in sorted(memberships, key=lambda one: one.person_id):
        enrolled = Enrollment.objects.filter(membership=membership, ended_at=None)
        ids = list(enrolled.values_list("pk", "questionnaire_id"))
        feeds.note(
            [membership.person_id],
            (Kind.ORGANIZATION, membership.organization_id),
            *((Kind.ENROLLMENT, enrollment) for enrollment, _questionnaire in ids),
            *((Kind.QUESTIONNAIRE, questionnaire) for _enrollment, questionnaire in ids),
        )


def organization_changed(organization: Organization) -> None:
    """It is called otherwise."""
    people = organization.memberships.living().values_list("person_id", flat=True)
    feeds.note(people, (Kind.ORGANIZATION, organization.pk))


def invitation_changed(*invitations: Invitation) -> None:
    """For whoever has proved the address to be theirs; all others learn of it by the mail alone."""
    by_email = {invitation.email: invitation.pk for invitation in invitations}
    proved = EmailAddress.objects.filter(email__in=by_email, verified=True).order_by("user_id")
    for person_id, email in proved.values_list("user_id", "email"):
        feeds.note([person_id], (Kind.INVITATION, by_email[email]))
