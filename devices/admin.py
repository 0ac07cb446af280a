"""Devices as support looks them up: by name and model, phone number, id, and by their people. No secrets."""

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts import search as people_search
from devices import search
from devices.models import Device, DeviceAuthorization
from medimic.readonly_admin import FoundOnly

HELP = _(
    "Beginnings of a device's name and model, an email address, the beginning of its person's name, "
    "a whole phone number, or an id."
)
# More devices than this nobody has.
MOST_PEOPLE = 20


def find_authorizations(term: str, most: int) -> list[UUID]:
    """By the device itself, and by whose it is."""
    found = search.authorizations(term, most=most)
    people = people_search.people(term, most=MOST_PEOPLE)
    theirs = DeviceAuthorization.objects.filter(account__in=people).order_by("-created_at", "id")
    if people:
        found += list(theirs.values_list("pk", flat=True)[:most])
    return list(dict.fromkeys(found))[:most]


class AuthorizationsInline(admin.TabularInline):
    model = DeviceAuthorization
    fields = ("id", "account", "name", "activated_at", "last_seen_at", "revoked_at", "revoked_reason")
    readonly_fields = fields
    extra = 0
    can_delete = False
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[DeviceAuthorization]:
        rows = super().get_queryset(request).select_related("account", "device")
        # What nobody is shown is not decrypted either.
        return rows.defer("phone_number", "push_token", "account__phone_number")


@admin.register(Device)
class DeviceAdmin(FoundOnly):
    list_display = ("model", "platform", "os_version", "app_version", "owner_person", "last_seen_at")
    list_select_related = ("owner_person",)
    search_fields = ("pk",)
    search_help_text = HELP
    ordering = ("-last_seen_at", "-id")
    exclude = ("identifier_hash",)
    inlines = (AuthorizationsInline,)
    person_field = "owner_person_id"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("owner_person__phone_number")

    def find(self, term: str, most: int) -> list[Any]:
        rows = DeviceAuthorization.objects.filter(
            pk__in=find_authorizations(term, most), device__isnull=False
        )
        return list(dict.fromkeys(rows.values_list("device", flat=True)))


@admin.register(DeviceAuthorization)
class DeviceAuthorizationAdmin(FoundOnly):
    list_display = (
        "title",
        "account",
        "device",
        "created_at",
        "last_seen_at",
        "revoked_at",
        "revoked_reason",
    )
    list_select_related = ("account", "device")
    search_fields = ("pk",)
    search_help_text = HELP
    ordering = ("-created_at", "-id")
    exclude = ("phone_number", "push_token", "push_hash")
    person_field = "account_id"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("phone_number", "push_token", "account__phone_number")

    def find(self, term: str, most: int) -> list[Any]:
        return find_authorizations(term, most)
