"""Tables that staff look at and nobody edits, at any number of rows."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.text import capfirst
from django.utils.translation import gettext as _

COUNTED = 5_000


@dataclass(frozen=True)
class Reading:
    """What staff looked at: a row, or a list and how much of it they were shown."""

    what: str
    row: Model | None = None
    person_id: UUID | None = None
    organization_id: UUID | None = None
    found: int | None = None


Listener = Callable[[HttpRequest, Reading], None]
_listeners: list[Listener] = []


def tell_readings(listener: Listener) -> None:
    """Have a function called for whatever staff look at: the audit log is a floor above this one."""
    _listeners.append(listener)


def tell(request: HttpRequest, reading: Reading) -> None:
    for listener in _listeners:
        listener(request, reading)


class BoundedPaginator(Paginator):
    """Counts no further than people page: the newest rows, and then they search."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[:COUNTED].count())


class ReadOnlyAdmin(admin.ModelAdmin):
    """List and page of one row; no adding, changing or deleting, and no action.

    A list is in the one order that an index has. `person_field` and `organization_field` name whose
    log it stands in that staff looked at a row.
    """

    show_full_result_count = False
    paginator = BoundedPaginator
    list_per_page = 50
    list_max_show_all = 50
    actions = None
    # Any other order would be one that no index has.
    sortable_by = ()
    person_field = ""
    organization_field = ""

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def person_of(self, row: Any) -> UUID | None:
        return getattr(row, self.person_field) if self.person_field else None

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        response = super().change_view(request, object_id, form_url, extra_context)
        row = self.get_object(request, unquote(object_id)) if response.status_code == 200 else None
        if row is not None:
            tell(
                request,
                Reading(
                    self.model._meta.label_lower,
                    row,
                    self.person_of(row),
                    getattr(row, self.organization_field) if self.organization_field else None,
                ),
            )
        return response

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        title = {"title": capfirst(self.opts.verbose_name_plural)}
        response = super().changelist_view(request, {**title, **(extra_context or {})})
        context = getattr(response, "context_data", None) or {}
        if "cl" in context:
            found = len(context["cl"].result_list)
            tell(request, Reading(self.model._meta.label_lower, person_id=self.sought(request), found=found))
        return response

    def sought(self, request: HttpRequest) -> UUID | None:
        """The person whose rows the list was narrowed down to, where that is told."""
        return None

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Nothing is changed here, so there is no history: the page of the row stands in its place."""
        return self.change_view(request, object_id, extra_context=extra_context)


class FoundOnly(ReadOnlyAdmin):
    """Rows that tell who somebody is: shown to whoever searches for them, `MOST` at a time."""

    MOST = 50

    def find(self, term: str, most: int) -> list[Any]:
        """The keys of at most `most` rows that the term fits, along an index."""
        raise NotImplementedError

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not search_term.strip():
            return queryset.none(), False
        keys = self.find(search_term, self.MOST + 1)
        if len(keys) > self.MOST:
            messages.warning(
                request,
                _("More than %(most)d fit. Type more of what you look for.") % {"most": self.MOST},
            )
        return queryset.filter(pk__in=keys[: self.MOST]), False
