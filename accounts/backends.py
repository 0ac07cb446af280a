"""Signing in with an email address and a password."""

from allauth.account.auth_backends import AuthenticationBackend
from allauth.account.models import EmailAddress

from accounts.models import Person


class EmailAndPassword(AuthenticationBackend):
    def _authenticate_by_email(self, email: str, password: str) -> Person | None:
        for person in people_at(email):
            if self._check_password(person, password):
                return person
        return None


def people_at(email: str) -> list[Person]:
    """Whose address this is, found by the same questions whether somebody has it or not.

    allauth asks on where it has found no verified address, and so tells the two apart.
    """
    address = email.strip().lower()
    rows = list(EmailAddress.objects.filter(email=address).select_related("user"))
    people = list(Person.objects.filter(email=address))
    verified = [row.user for row in rows if row.verified]
    return list(dict.fromkeys(verified or [*(row.user for row in rows), *people]))
