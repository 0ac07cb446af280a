"""Organizations and their members, as support looks them up. Nothing is edited here."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts import search
from medimic.readonly_admin import FoundOnly, ReadOnlyAdmin
from orgs.models import Membership, Organization
from orgs.search import find_organizations

# Nobody belongs to more organizations, as far as a list of found people goes.
MOST_PEOPLE = 50


@admin.register(Organization)
class OrganizationAdmin(ReadOnlyAdmin):
    list_display = ("name", "slug", "created_at")
    search_fields = ("pk",)
    search_help_text = _("The beginning of a name or an address, or an id.")
    ordering = ("slug",)
    organization_field = "pk"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not search_term.strip():
            return queryset, False
        return queryset.filter(pk__in=find_organizations(search_term, FoundOnly.MOST)), False


@admin.register(Membership)
class MembershipAdmin(FoundOnly):
    """To be found by organization or person: an organization's page would have to show thousands."""

    list_display = ("person", "organization", "role", "created_at", "ended_at")
    search_fields = ("pk",)
    search_help_text = _(
        "The beginning of an organization's name, of a person's name or email address, or an id of either."
    )
    ordering = ("-created_at", "-id")
    person_field = "person_id"
    organization_field = "organization_id"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        # A phone number would be decrypted for every row, and none is shown.
        return (
            super()
            .get_queryset(request)
            .select_related("person", "organization")
            .defer("person__phone_number")
        )

    def find(self, term: str, most: int) -> list[Any]:
        people = search.people(term, most=MOST_PEOPLE)
        of_people = Membership.objects.filter(person__in=people)
        found = list(of_people.values_list("pk", flat=True)[:most]) if people else []
        for organization in find_organizations(term, most):
            if len(found) < most:
                rows = Membership.objects.filter(organization=organization)
                found += list(rows.values_list("pk", flat=True)[: most - len(found)])
        return list(dict.fromkeys(found))
