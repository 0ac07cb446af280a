"""The log in the admin: to be read, by people who may view it."""

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from medimic.audit.log import is_genuine
from medimic.audit.models import AuditEvent
from medimic.audit.presenters import sentence
from medimic.readonly_admin import ReadOnlyAdmin

# Of each way in which a row may concern somebody; who wants more reads an export.
MOST = 1_000
NEWEST_FIRST = ("-created_at", "-id")


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    """Found by a person's, an organization's or an object's id, or by kind: each an index."""

    list_display = ("created_at", "kind", "what", "actor_kind", "actor_id", "person_id", "address")
    ordering = NEWEST_FIRST
    search_fields = ("id",)
    search_help_text = _(
        "The whole id of a person, an organization or an event, or a kind such as devices.revoked"
    )
    fields = (
        "created_at", "kind", "what", "actor_kind", "actor_id", "person_id", "organization_id",
        "object_type", "object_id", "address", "agent", "details", "genuine", "position",
    )  # fmt: skip
    readonly_fields = fields
    person_field = "person_id"

    @admin.display(description=_("in words"))
    def what(self, event: AuditEvent) -> str:
        return sentence(event)

    @admin.display(description=_("as it was written"), boolean=True)
    def genuine(self, event: AuditEvent) -> bool:
        return is_genuine(event)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditEvent], search_term: str
    ) -> tuple[QuerySet[AuditEvent], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        sought = _key(term)
        if sought is None:
            return queryset.filter(kind=term), False
        # The newest of each index; one question for all of them would read the whole log.
        found: set[Any] = set()
        for name in ("person_id", "actor_id", "organization_id", "id"):
            rows = AuditEvent.objects.filter(**{name: sought}).order_by(*NEWEST_FIRST)
            found.update(rows.values_list("pk", flat=True)[:MOST])
        return queryset.filter(pk__in=found), False

    def sought(self, request: HttpRequest) -> UUID | None:
        key = _key(request.GET.get("q", "").strip())
        return key if key and AuditEvent.objects.filter(person_id=key).exists() else None


def _key(term: str) -> UUID | None:
    try:
        key: UUID | None = AuditEvent._meta.pk.to_python(term)
    except ValidationError:
        return None
    return key
