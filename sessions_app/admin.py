"""Transcripts as staff see them: that there is something, for whom and since when. Never what: no name of
a session or a participant, no ciphertext and no wrapped key."""

import uuid
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from medimic.readonly_admin import ReadOnlyAdmin
from sessions_app.models import Envelope, Segment, Visit


class OfOneSession(ReadOnlyAdmin):
    """Rows of sessions: looked up by the session's id alone."""

    # The box is there for it; what it is searched by, `get_search_results` says.
    search_fields = ("pk",)
    search_help_text = _("The id of a session, whole.")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not search_term.strip():
            return queryset, False
        try:
            return queryset.filter(visit=uuid.UUID(search_term.strip())), False
        except ValueError:
            return queryset.none(), False

    @admin.display(description=_("session"))
    def session(self, row: Segment | Envelope) -> str:
        return str(row.visit_id)


@admin.register(Segment)
class SegmentAdmin(OfOneSession):
    list_display = ("id", "session", "writer", "sequence", "position", "is_late", "created_at")
    fields = ("id", "session", "writer", "sequence", "position", "is_late", "created_at")
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("nonce", "ciphertext")

    def person_of(self, row: Segment) -> uuid.UUID | None:
        """Whoever hosts the session: it is theirs."""
        return Visit.objects.filter(pk=row.visit_id).values_list("host_id", flat=True).first()

    @admin.display(description=_("participant"))
    def writer(self, row: Segment) -> str:
        return str(row.participant_id)


@admin.register(Envelope)
class EnvelopeAdmin(OfOneSession):
    list_display = ("id", "session", "whose", "device", "created_at")
    fields = ("id", "session", "whose", "device", "thumbprint", "created_at")
    ordering = ("pk",)
    person_field = "person_id"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("wrapped", "sender_key")

    @admin.display(description=_("person"))
    def whose(self, row: Envelope) -> str:
        return str(row.person_id or "")

    @admin.display(description=_("device"))
    def device(self, row: Envelope) -> str:
        return str(row.authorization_id or "")
