"""Devices as support looks them up: by id, model and the account's e-mail. No secrets."""

import uuid
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from devices.models import Device, DeviceAuthorization
from medimic.readonly_admin import ReadOnlyAdmin


def _by_id(rows: QuerySet[Any], all_rows: QuerySet[Any], term: str) -> QuerySet[Any]:
    """An identifier is asked for exactly, whichever way it is written."""
    try:
        return rows | all_rows.filter(pk=uuid.UUID(term.strip()))
    except ValueError:
        return rows


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
        return super().get_queryset(request).select_related("account", "device")


@admin.register(Device)
class DeviceAdmin(ReadOnlyAdmin):
    list_display = ("model", "platform", "os_version", "app_version", "owner_person", "last_seen_at")
    list_filter = ("platform", "device_type")
    list_select_related = ("owner_person",)
    search_fields = ("model", "owner_person__email")
    ordering = ("-last_seen_at", "-id")
    exclude = ("identifier_hash",)
    inlines = (AuthorizationsInline,)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        rows, has_duplicates = super().get_search_results(request, queryset, search_term)
        return _by_id(rows, queryset, search_term), has_duplicates


@admin.register(DeviceAuthorization)
class DeviceAuthorizationAdmin(ReadOnlyAdmin):
    list_display = (
        "title",
        "account",
        "device",
        "created_at",
        "last_seen_at",
        "revoked_at",
        "revoked_reason",
    )
    list_filter = ("revoked_reason",)
    list_select_related = ("account", "device")
    search_fields = ("device__model", "account__email")
    ordering = ("-created_at", "-id")
    exclude = ("phone_number", "push_token", "push_hash")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        rows, has_duplicates = super().get_search_results(request, queryset, search_term)
        return _by_id(rows, queryset, search_term), has_duplicates
