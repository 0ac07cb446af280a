"""Who may issue a link that signs a device in, and for whom. Decided here alone.

One may for oneself; nobody issues a link for a colleague.
"""

import uuid

from django.utils.translation import gettext_lazy as _

from accounts.models import Person
from medimic.problems import Problem


def may_issue_link(by: Person, account: Person) -> bool:
    """Whether `by` may have a link made that signs a device in as `account`."""
    return by.is_active and account.is_active and by.pk == account.pk


def account_for(by: Person, user_id: uuid.UUID | None) -> Person:
    """The person whose devices `by` asks for, oneself where nobody is named.

    Raises `Problem` 404 `person_unknown`: somebody whose devices are none of one's
    business answers as somebody who does not exist.
    """
    account = by if user_id is None else Person.objects.filter(pk=user_id).first()
    if account is None or not may_issue_link(by, account):
        raise person_unknown()
    return account


def person_unknown() -> Problem:
    return Problem(404, "person_unknown", _("There is no such person, or not one of yours."))
