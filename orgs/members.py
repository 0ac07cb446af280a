"""The list of members, page by page."""

import uuid
from collections.abc import Sequence

from django.db.models import F, Q, QuerySet
from django.http import HttpRequest

from accounts.models import Person
from medimic.pagination import Page, page_of
from orgs.forms import MemberFilter
from orgs.models import Membership, Organization

# Colleagues by name. Patients may be very many: an index gives them in the order in which they came.
BY_NAME = ("last_name", "first_name", "id")
NEWEST_FIRST = ("-created_at", "id")
MOST_PEOPLE = 20


def page_for(
    request: HttpRequest, organization: Organization, filter_: MemberFilter, *, for_admin: bool
) -> Page[Membership]:
    """The page of members that the filter leaves, with their people; one query.

    Only admins find somebody by email address: a colleague who could, would learn addresses.
    """
    rows = narrowed(organization, filter_, for_admin=for_admin)
    return page_of(with_people(rows), request, order=order_of(filter_))


def narrowed(organization: Organization, filter_: MemberFilter, *, for_admin: bool) -> QuerySet[Membership]:
    rows = _named(organization.memberships.living())
    rows = rows.filter(role__in=[filter_.wanted_role] if filter_.wanted_role else Membership.WORKING_ROLES)
    for word in filter_.words.split()[:5]:
        wanted = (
            Q(person__last_name__istartswith=word)
            | Q(person__first_name__istartswith=word)
            | Q(person__display_name__icontains=word)
        )
        if for_admin:
            wanted |= Q(person__email__startswith=word.lower())
        rows = rows.filter(wanted)
    return rows


def order_of(filter_: MemberFilter) -> Sequence[str]:
    return NEWEST_FIRST if filter_.wanted_role == Membership.Role.PATIENT else BY_NAME


def first_members(organization: Organization, number: int) -> list[Membership]:
    """Who works there: admins first, then by name."""
    rows = _named(organization.memberships.working())
    return list(with_people(rows).order_by("role", *BY_NAME)[:number])


def with_people(rows: QuerySet[Membership]) -> QuerySet[Membership]:
    """With what a row prints of its person; a phone number would be decrypted for nothing."""
    return rows.select_related("person").defer("person__phone_number", "person__password")


def _named(rows: QuerySet[Membership]) -> QuerySet[Membership]:
    """With what pages are sorted by."""
    return rows.annotate(last_name=F("person__last_name"), first_name=F("person__first_name"))


def people_of(organization: Organization, text: str) -> list[Person]:
    """Members of now and of before whom this id, name or email address may mean; no more than a few."""
    rows = Person.objects.filter(memberships__organization=organization).defer("phone_number").distinct()
    try:
        return list(rows.filter(pk=uuid.UUID(text)))
    except ValueError:
        pass
    for word in text.split()[:5]:
        rows = rows.filter(
            Q(last_name__istartswith=word)
            | Q(first_name__istartswith=word)
            | Q(display_name__icontains=word)
            | Q(email__startswith=word.lower())
        )
    return list(rows.order_by("last_name", "first_name", "id")[:MOST_PEOPLE])
