"""Acts that change several things of an account at once."""

from allauth.usersessions.models import UserSession
from django.db import transaction

from accounts import sign_ins, trusted_browsers
from accounts.models import Person
from medimic.audit.log import Origin, record


def change_profile(*, person: Person, fields: dict[str, str], origin: Origin) -> list[str]:
    """Store what differs; returns the names of the changed fields. The log holds the names alone."""
    with transaction.atomic():
        changed = person.change_profile(**fields)
        if changed:
            record(
                "accounts.profile_changed",
                origin=origin,
                person_id=person.pk,
                subject=person,
                details={"fields": ", ".join(changed)},
            )
    return changed


def confirm_devices(*, person: Person, is_wanted: bool, origin: Origin) -> bool:
    """Have devices that use a link wait for their digits to be picked, or let them in at once;
    False if it is so already."""
    with transaction.atomic():
        if not person.change_device_confirmation(is_wanted):
            return False
        record(
            "accounts.device_confirmation_on" if is_wanted else "accounts.device_confirmation_off",
            origin=origin,
            person_id=person.pk,
            subject=person,
        )
        return True


def end_sign_in(*, person: Person, sign_in: UserSession, origin: Origin) -> None:
    """Sign one of the person's browsers out."""
    with transaction.atomic():
        sign_ins.end(sign_in)
        record("accounts.browser_signed_out", origin=origin, person_id=person.pk, subject=person)


def sign_out_everywhere(*, person: Person, origin: Origin) -> None:
    """End every browser's sign-in and trust, and the tokens of every device.

    The stamps do it, from the next request on; the rows go for tidiness. The devices
    themselves stay, and count.
    """
    with transaction.atomic():
        person.end_sign_ins()
        person.end_device_tokens()
        trusted_browsers.forget_all(person)
        sign_ins.end_all(person)
        record("accounts.signed_out_everywhere", origin=origin, person_id=person.pk, subject=person)
