"""Who may issue a link that signs a device in, and for whom. Decided here alone.

So far one may for oneself. A clinician for a patient of their organization joins
here, and with it the question who may see the link.
"""

import uuid

from django.utils.translation import gettext_lazy as _

from accounts.models import Person
from medimic.problems import Problem


def may_issue_link(by: Person, account: Person) -> bool:
    """Whether `by` may have a link made that signs a device in as `account`."""
    return by.is_active and account.is_active and by.pk == account.pk


def may_see_link(by: Person, account: Person) -> bool:
    """Whether the link may be shown to `by`: it is a credential of `account`."""
    return by.pk == account.pk


def account_for_link(by: Person, user_id: uuid.UUID | None) -> Person:
    """The person that `by` asks for; raises `Problem` 404 `person_unknown`.

    Somebody whom one may not register answers as somebody who does not exist.
    """
    if user_id is None or user_id == by.pk:
        return by
    raise person_unknown()


def person_unknown() -> Problem:
    return Problem(404, "person_unknown", _("There is no such person, or not one of yours."))
