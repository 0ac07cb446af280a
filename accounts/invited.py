"""Signing up with an address that a mailed link has proved already: no code need be sent to it."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.allauth_forms import SignUp
from accounts.models import Person
from medimic.audit.log import Origin, record
from medimic.audit.models import ActorKind
from medimic.network import client_address, client_agent


class InvitedSignUp(SignUp):
    """allauth's form with an address that stands fixed: what is sent in its place is not read."""

    def __init__(self, data: Any = None, *, email: str) -> None:
        super().__init__(data, initial={"email": email})
        field = self.fields["email"]
        field.disabled = True
        field.help_text = _("The invitation went to this address, so it counts as verified.")
        self.email = email


def has_account(email: str) -> bool:
    """Whether somebody has this address. Only for whoever has proved that it is theirs."""
    return Person.objects.filter(
        Q(email=email.lower()) | Q(pk__in=EmailAddress.objects.filter(email=email.lower()).values("user"))
    ).exists()


def sign_up(request: HttpRequest, form: InvitedSignUp) -> Person | None:
    """Make the account, with the address verified; None where there is one meanwhile.

    In the caller's transaction, who signs the person in.
    """
    adapter = get_adapter(request)
    try:
        with transaction.atomic():
            adapter.stash_verified_email(request, form.email)
            person, _answer = form.try_save(request)
            if person is None:
                return None
            record(
                "accounts.email_verified",
                origin=Origin(ActorKind.PERSON, person.pk, client_address(request), client_agent(request)),
                person_id=person.pk,
                subject=person,
            )
    except IntegrityError:
        # Somebody signed up with this address in the same instant.
        if not has_account(form.email):
            raise
        return None
    finally:
        adapter.unstash_verified_email(request)
    return person
