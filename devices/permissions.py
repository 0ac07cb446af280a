"""Who may issue a link that signs a device in, for whom, and who may see it. Decided here alone.

A link is a credential: who opens it is signed in as the person it was made for.

- Everybody may have one for themselves, and sees it.
- A clinician (provider or admin of an organization) may have one made for a patient of
  that organization. They see it where the patient has nothing else that it could open:
  no sign-in of their own, no other role, no other organization. Otherwise the patient
  gets it at their verified address, and the clinician never sees it.
- Nobody issues one for a colleague, for staff, or for anybody else.
"""

import uuid
from dataclasses import dataclass

from allauth.account.models import EmailAddress
from django.utils.translation import gettext_lazy as _

from accounts.models import Person
from medimic import sms
from medimic.problems import Problem
from orgs.models import Organization
from orgs.standing import standing_of


@dataclass(frozen=True)
class LinkRight:
    """What one person may do about links for another, or for themselves.

    `organization` is the one in whose name a clinician acts; None for oneself.
    """

    by: Person
    account: Person
    may_see: bool
    organization: Organization | None = None

    @property
    def is_own(self) -> bool:
        return self.by.pk == self.account.pk

    def email(self) -> str:
        """Where a mail with the link may go: the person's verified address; empty without one."""
        verified = EmailAddress.objects.filter(user=self.account, verified=True)
        address = verified.order_by("-primary", "pk").values_list("email", flat=True).first()
        return address or ""

    def phone_number(self) -> str:
        """Where a text with the link may go; empty where it may not.

        Nobody has proved that a recorded number is the person's: whoever may see the link may
        send it there, and a link that its issuer must not see does not go to it.
        """
        return self.account.phone_number if self.may_see and sms.is_available() else ""


def link_right(by: Person, account: Person) -> LinkRight | None:
    """What `by` may do about links that sign a device in as `account`; None for nothing."""
    if not (by.is_active and account.is_active):
        return None
    if by.pk == account.pk:
        return LinkRight(by, account, may_see=True)
    theirs, ours = standing_of(account), {m.organization_id for m in standing_of(by).working}
    if account.is_staff or any(m.organization_id in ours for m in theirs.working):
        return None
    cared_for = [m for m in theirs.memberships if m.organization_id in ours]
    if not cared_for:
        return None
    has_sign_in = bool(account.email) or account.has_usable_password()
    is_ours_alone = len(theirs.memberships) == 1
    return LinkRight(
        by, account, may_see=is_ours_alone and not has_sign_in, organization=cared_for[0].organization
    )


def require_link_right(by: Person, user_id: uuid.UUID | None) -> LinkRight:
    """The right to issue a link for this person, for oneself where nobody is named.

    Raises `Problem` 404 `person_unknown`: somebody who is none of one's business
    answers as somebody who does not exist.
    """
    account = by if user_id is None else Person.objects.filter(pk=user_id).first()
    right = link_right(by, account) if account else None
    if right is None:
        raise person_unknown()
    return right


def account_for(by: Person, user_id: uuid.UUID | None) -> Person:
    """The person whose devices `by` may list: oneself, or a patient whose links one may see.

    Of others the devices tell what happens elsewhere. Raises as `require_link_right`.
    """
    right = require_link_right(by, user_id)
    if not right.may_see:
        raise person_unknown()
    return right.account


def person_unknown() -> Problem:
    return Problem(404, "person_unknown", _("There is no such person, or not one of yours."))
