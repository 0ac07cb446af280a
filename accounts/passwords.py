"""What a new password ends."""

from django.db import transaction
from django.http import HttpRequest

from accounts import sign_ins, trusted_browsers
from accounts.models import Person
from medimic.audit.log import Origin, record

RESET_VIEW = "account_reset_password_from_key"


def replace(person: Person, password: str, *, request: HttpRequest) -> None:
    """Give a person a new password; everything that the old one opened is signed out.

    Their other browsers and all device tokens end with it. This browser stays signed in
    after a change: allauth renews its sign-in. A reset signs nobody in, and this one out.
    """
    is_reset = request.resolver_match is not None and request.resolver_match.url_name == RESET_VIEW
    kind = "accounts.password_reset" if is_reset else "accounts.password_changed"
    with transaction.atomic():
        person.set_password(password)
        person.save(update_fields=["password"])
        person.end_device_tokens()
        trusted_browsers.keep(request, person)
        # This browser's row stays even after a reset, which goes on to write to it.
        sign_ins.end_all(person, but=request.session.session_key)
        record(kind, origin=Origin.of(request), person_id=person.pk, subject=person)
