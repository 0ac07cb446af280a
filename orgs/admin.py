"""Organizations and their members, as support looks them up. Nothing is edited here."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from medimic.readonly_admin import ReadOnlyAdmin
from orgs.models import Membership, Organization


@admin.register(Organization)
class OrganizationAdmin(ReadOnlyAdmin):
    list_display = ("name", "slug", "created_at")
    search_fields = ("^name", "=slug")
    search_help_text = _("The beginning of a name, or a whole address.")
    ordering = ("name", "id")


@admin.register(Membership)
class MembershipAdmin(ReadOnlyAdmin):
    """To be found by organization or person: an organization's page would have to show thousands."""

    list_display = ("person", "organization", "role", "created_at", "ended_at")
    list_filter = ("role",)
    search_fields = ("=organization__slug", "^organization__name", "^person__email")
    search_help_text = _("The beginning of an organization's name or of a person's email address.")
    ordering = ("-created_at", "-id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        # A phone number would be decrypted for every row, and none is shown.
        return (
            super()
            .get_queryset(request)
            .select_related("person", "organization")
            .defer("person__phone_number")
        )
