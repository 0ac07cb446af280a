"""Mails of organizations."""

import uuid

from medimic.gallery.registry import sample
from medimic.gallery.stage import Stage
from orgs import notices
from orgs.models import Invitation, Membership
from orgs.models.invitations import LIFETIME, email_hash

INVITATION, ROLE_CHANGED = "organizations/mail/invitation", "organizations/mail/role_changed"
Role = Membership.Role


@sample(INVITATION, "Somebody is invited to work in an organization")
def invitation(stage: Stage) -> None:
    notices.invited(_invitation(stage, Role.PROVIDER), "sample-sample-sample-sample-sample")


@sample(INVITATION, "Somebody is invited as a patient")
def invitation_of_patient(stage: Stage) -> None:
    notices.invited(_invitation(stage, Role.PATIENT), "sample-sample-sample-sample-sample")


def _invitation(stage: Stage, role: str) -> Invitation:
    email = stage.colleague.email or ""
    return Invitation(
        organization=stage.clinic,
        email=email,
        email_hash=email_hash(email),
        role=role,
        token_hash=uuid.uuid4().hex,
        invited_by=stage.reader,
        sent_at=stage.now,
        expires_at=stage.now + LIFETIME,
    )


@sample("organizations/mail/accepted", "An invitation was accepted")
def accepted(stage: Stage) -> None:
    membership = Membership(organization=stage.clinic, person=stage.colleague, role=Role.PROVIDER)
    notices.accepted(_invitation(stage, Role.PROVIDER), membership)


@sample(ROLE_CHANGED, "A role was changed")
def role_changed(stage: Stage) -> None:
    notices.role_changed(stage.reader, stage.clinic, Role.ADMIN)


@sample("organizations/mail/removed", "Somebody was removed")
def removed(stage: Stage) -> None:
    notices.removed(stage.reader, stage.clinic)


@sample("organizations/mail/second_factor", "An organization asks for a second factor")
def second_factor(stage: Stage) -> None:
    notices.second_factor_asked(Membership(organization=stage.clinic, person=stage.reader, role=Role.ADMIN))
