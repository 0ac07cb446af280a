"""Patients of an organization: found, and made by those who care for them."""

import re
from collections.abc import Sequence

from django.db import transaction
from django.db.models import Q, QuerySet
from phonenumber_field.phonenumber import PhoneNumber

from accounts.models import PHONE_PURPOSE, Person
from medimic import crypto
from medimic.audit.log import Origin, record
from orgs import memberships
from orgs.models import Membership, Organization

MOST_WORDS = 5
MOST_LOOK_ALIKES = 5


class LookAlikes(Exception):
    """There are patients who may be the same person. `is_same`: one has both name and number."""

    def __init__(self, found: Sequence[Membership], *, is_same: bool) -> None:
        super().__init__()
        self.found = found
        self.is_same = is_same


def patients_of(organization: Organization) -> QuerySet[Membership]:
    return organization.memberships.living().filter(role=Membership.Role.PATIENT).select_related("person")


def search(organization: Organization, words: str) -> QuerySet[Membership]:
    """Those with all of these words in their names; or of a phone number those who have just that."""
    rows = patients_of(organization)
    if number := as_number(words):
        return rows.filter(person__phone_hash=phone_hash(number))
    for word in words.split()[:MOST_WORDS]:
        rows = rows.filter(
            Q(person__last_name__icontains=word)
            | Q(person__first_name__icontains=word)
            | Q(person__display_name__icontains=word)
        )
    return rows


def as_number(text: str) -> str:
    """A phone number as people type it, in the form that it is kept in; empty where it is none."""
    if not re.search(r"\d{3}", re.sub(r"[\s()/.-]", "", text)):
        return ""
    number = PhoneNumber.from_string(text)
    return str(number.as_e164) if number.is_valid() else ""


def readable(number: str) -> str:
    """As people write it: "+44 20 7946 0123"; anything else as it is."""
    parsed = PhoneNumber.from_string(number) if number else None
    return str(parsed.as_international) if parsed and parsed.is_valid() else number


def phone_hash(number: str) -> str:
    return crypto.keyed_hash(PHONE_PURPOSE, number)


def add(
    *,
    organization: Organization,
    first_name: str,
    last_name: str,
    phone_number: str,
    by: Person,
    origin: Origin,
    is_another: bool = False,
) -> Membership:
    """Make a patient who has no sign-in of their own; `phone_number` is E.164, or empty.

    Raises `LookAlikes` where somebody of that name or number is there already. With `is_another`
    the caller says that it is somebody else; of the same name and number nobody is.
    """
    with transaction.atomic():
        # Under its lock, so that of two who add one person at once the second finds them.
        organization = organization.lock()
        found = look_alikes(organization, first_name, last_name, phone_number)
        is_same = any(_is_same(one.person, first_name, last_name, phone_number) for one in found)
        if is_same or (found and not is_another):
            raise LookAlikes(found, is_same=is_same)
        person = Person.objects.create_user(
            None,
            first_name=first_name,
            last_name=last_name,
            phone_number=phone_number,
            # What is likely; they can change it once they have a sign-in.
            language=by.language,
            date_locale=by.date_locale,
            time_zone=by.time_zone,
        )
        membership = memberships.add(
            organization=organization, person=person, role=Membership.Role.PATIENT, origin=origin
        )
        record(
            "orgs.patient_made",
            origin=origin,
            person_id=person.pk,
            organization_id=organization.pk,
            subject=person,
        )
        return membership


def correct(
    *,
    membership: Membership,
    first_name: str,
    last_name: str,
    phone_number: str,
    origin: Origin,
) -> bool:
    """Put a patient's name and number right; False where they were so before.

    That the caller may is `devices.permissions`' to say: who changes the number changes where links go.
    Raises `LookAlikes` where another patient of the organization has both name and number.
    """
    with transaction.atomic():
        organization = membership.organization.lock()
        person = Person.objects.select_for_update(no_key=True).get(pk=membership.person_id)
        found = look_alikes(organization, first_name, last_name, phone_number)
        same = [
            one
            for one in found
            if one.person_id != person.pk and _is_same(one.person, first_name, last_name, phone_number)
        ]
        if same:
            raise LookAlikes(same, is_same=True)
        wanted = {"first_name": first_name, "last_name": last_name, "phone_number": phone_number}
        changed = [name for name, value in wanted.items() if getattr(person, name) != value]
        if not changed:
            return False
        for name in changed:
            setattr(person, name, wanted[name])
        person.save()
        record(
            "orgs.patient_corrected",
            origin=origin,
            person_id=person.pk,
            organization_id=organization.pk,
            subject=person,
            details={"fields": ", ".join(changed)},
        )
        return True


def look_alikes(
    organization: Organization, first_name: str, last_name: str, phone_number: str
) -> list[Membership]:
    """Patients of the organization with that name or that number."""
    alike = Q(person__first_name__iexact=first_name, person__last_name__iexact=last_name)
    if phone_number:
        alike |= Q(person__phone_hash=phone_hash(phone_number))
    rows = patients_of(organization).filter(alike)
    return list(rows.order_by("-created_at", "id")[:MOST_LOOK_ALIKES])


def _is_same(person: Person, first_name: str, last_name: str, phone_number: str) -> bool:
    named = (person.first_name.lower(), person.last_name.lower()) == (first_name.lower(), last_name.lower())
    return named and person.phone_number == phone_number
