"""Deliveries in the admin: whether they went out, never what they said."""

from uuid import UUID

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from medimic.outbox.models import Delivery, JobRun
from medimic.readonly_admin import ReadOnlyAdmin


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "kind", "channel", "recipient_masked", "state", "attempts", "last_error")
    ordering = ("-created_at", "-id")
    search_fields = ("id",)
    search_help_text = _("The whole id of a person or a delivery")
    fields = (
        "id", "created_at", "kind", "channel", "recipient_masked", "person_id", "state",
        "attempts", "due_at", "stale_at", "finished_at", "last_error",
    )  # fmt: skip
    readonly_fields = fields
    person_field = "person_id"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        # Not even decrypted for this page.
        return super().get_queryset(request).defer("recipient", "body")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Delivery], search_term: str
    ) -> tuple[QuerySet[Delivery], bool]:
        if not search_term.strip():
            return queryset, False
        sought = _key(search_term)
        if sought is None:
            return queryset.none(), False
        # Never both in one question: an index serves each, and none their union.
        one = queryset.filter(pk=sought)
        return (one if one.exists() else queryset.filter(person_id=sought)), False

    def sought(self, request: HttpRequest) -> UUID | None:
        key = _key(request.GET.get("q", ""))
        return key if key and Delivery.objects.filter(person_id=key).exists() else None


@admin.register(JobRun)
class JobRunAdmin(ReadOnlyAdmin):
    list_display = ("name", "started_at", "finished_at", "due_at", "last_error")
    ordering = ("name",)
    fields = readonly_fields = list_display


def _key(term: str) -> UUID | None:
    try:
        key: UUID = Delivery._meta.pk.to_python(term.strip())
    except ValidationError:
        return None
    return key
