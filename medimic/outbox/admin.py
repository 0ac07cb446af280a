"""Deliveries in the admin: what waits and what failed, and why; never to whom or what they said."""

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from medimic.outbox import backlog, breaker
from medimic.outbox.models import Delivery, JobRun, Service
from medimic.readonly_admin import ReadOnlyAdmin


class Narrow(admin.SimpleListFilter):
    """Rows of one value of a column that an index begins with, among the values that there are."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(value, value) for value in backlog.values_of(str(self.parameter_name)) if value]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> QuerySet[Delivery]:
        chosen = self.value()
        return queryset.filter(**{str(self.parameter_name): chosen}) if chosen else queryset


class ByState(Narrow):
    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(state.value, str(state.label)) for state in Delivery.State]


class ByChannel(Narrow):
    title = gettext_lazy("channel")
    parameter_name = "channel"


class ByService(Narrow):
    title = gettext_lazy("service")
    parameter_name = "service"


class ByKind(Narrow):
    title = gettext_lazy("kind")
    parameter_name = "kind"


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = (
        "created_at", "kind", "state", "last_error", "waits", "service", "recipient_masked", "attempts",
    )  # fmt: skip
    list_filter = (ByState, ByChannel, ByService, ByKind)
    # They would count all rows of each choice.
    show_facets = admin.ShowFacets.NEVER
    ordering = ("-created_at", "-id")
    search_fields = ("id",)
    search_help_text = gettext_lazy("The whole id of a person or a delivery")
    fields = (
        "id", "created_at", "kind", "channel", "service", "recipient_masked", "person_id", "state",
        "waits", "attempts", "due_at", "stale_at", "finished_at", "last_error",
    )  # fmt: skip
    readonly_fields = fields
    person_field = "person_id"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        # Not even decrypted for this page.
        rows = super().get_queryset(request).defer("recipient", "body")
        away = Service.objects.filter(name=OuterRef("service")).exclude(state=Service.State.CLOSED)
        return rows.annotate(is_service_away=Exists(away))

    @admin.display(description=gettext_lazy("waits"))
    def waits(self, delivery: Any) -> str:
        """How long it has, and for whom."""
        if delivery.state != Delivery.State.WAITING:
            return "–"
        names = {"time": timesince(delivery.created_at, depth=1), "service": delivery.service}
        if delivery.is_service_away:
            return _("%(time)s; %(service)s is away") % names
        return names["time"]

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


@admin.register(Service)
class ServiceAdmin(ReadOnlyAdmin):
    """Those that were missed at some time; one that always answered has no row."""

    list_display = ("name", "state", "last_error", "opened_at", "next_try_at", "failures", "channel")
    ordering = ("name",)
    fields = readonly_fields = (*list_display, "last_failed_at", "takes_part")

    @admin.display(description=gettext_lazy("what it means"))
    def takes_part(self, service: Service) -> str:
        if service.state == Service.State.CLOSED:
            return _("Deliveries go out. After %(number)d misses in a row it counts as away.") % {
                "number": breaker.THRESHOLD
            }
        return _("Deliveries wait, and no attempt of theirs is counted. One of them tries it now and then.")


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
