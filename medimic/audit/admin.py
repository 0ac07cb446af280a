"""The log in the admin: to be read, by people who may view it."""

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from medimic.audit.log import is_genuine
from medimic.audit.models import AuditEvent
from medimic.audit.presenters import sentence
from medimic.readonly_admin import ReadOnlyAdmin


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    """Found by a person's, an organization's or an object's id, or by kind: each an index."""

    list_display = ("created_at", "kind", "what", "actor_kind", "actor_id", "person_id", "address")
    ordering = ("-created_at", "-id")
    search_fields = ("id",)
    search_help_text = _(
        "The whole id of a person, an organization or an event, or a kind such as devices.revoked"
    )
    fields = (
        "created_at", "kind", "what", "actor_kind", "actor_id", "person_id", "organization_id",
        "object_type", "object_id", "address", "agent", "details", "genuine", "position",
    )  # fmt: skip
    readonly_fields = fields

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
        try:
            sought = AuditEvent._meta.pk.to_python(term)
        except ValidationError:
            return queryset.filter(kind=term), False
        names = ("person_id", "actor_id", "organization_id", "id")
        # One query per index, in place of an OR that would read them all.
        found = [queryset.filter(**{name: sought}).order_by().values("pk") for name in names]
        return queryset.filter(pk__in=found[0].union(*found[1:])), False
