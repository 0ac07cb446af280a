"""Making an organization, and what it is called."""

import secrets

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from accounts.models import Person
from medimic.audit.log import Origin, record
from orgs import news
from orgs.models import Membership, Organization

# Without signs that are mistaken for one another.
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
LONGEST_NAME_PART, ENDING = 48, 5
ATTEMPTS = 10


def create(*, name: str, by: Person, origin: Origin) -> Organization:
    """Make an organization, with whoever makes it as its admin."""
    with transaction.atomic():
        organization = _save_with_slug(Organization(name=name, created_by=by))
        membership = Membership.objects.create(
            organization=organization, person=by, role=Membership.Role.ADMIN
        )
        record(
            "orgs.created",
            origin=origin,
            person_id=by.pk,
            organization_id=organization.pk,
            subject=organization,
            details={"organization": name, "role": membership.role},
        )
    return organization


def rename(*, organization: Organization, name: str, by: Person, origin: Origin) -> bool:
    """Call it by another name; False if it has that one already."""
    with transaction.atomic():
        fresh = organization.lock()
        before = fresh.name
        if not fresh.rename(name):
            return False
        record(
            "orgs.renamed",
            origin=origin,
            person_id=by.pk,
            organization_id=fresh.pk,
            subject=fresh,
            details={"before": before, "organization": name},
        )
        news.organization_changed(fresh)
    organization.name = name
    return True


def _save_with_slug(organization: Organization) -> Organization:
    """Save it under an address of its own.

    Every address has an ending that nobody can foresee: with one only where the plain name is
    taken, whoever makes an organization could find out which others there are.
    """
    start = slugify(organization.name)[:LONGEST_NAME_PART].strip("-") or "organization"
    for _attempt in range(ATTEMPTS):
        ending = "".join(secrets.choice(ALPHABET) for _ in range(ENDING))
        organization.slug = f"{start}-{ending}"
        try:
            with transaction.atomic():
                organization.save(force_insert=True)
        except IntegrityError:
            if Organization.objects.filter(slug=organization.slug).exists():
                continue
            raise
        return organization
    raise RuntimeError("no free address was found")
