"""Subscriptions, invoices and a gateway's events as support looks them up. Nothing is edited here."""

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import search
from billing.entitlements import Payer
from billing.models import GatewayEvent, Invoice, InvoiceLine, Subscription
from billing.money import money
from billing.usage import summary
from medimic.readonly_admin import FoundOnly, ReadOnlyAdmin
from medimic.words import beginning
from orgs.search import find_organizations


@admin.register(Subscription)
class SubscriptionAdmin(FoundOnly):
    list_display = ("holder", "plan_name", "price", "anchor_at", "ended_at")
    search_fields = ("pk",)
    search_help_text = _(
        "The beginning of a person's name or email address, or of an organization's name, or an id."
    )
    ordering = ("-anchor_at", "-id")
    person_field = "person_id"
    organization_field = "organization_id"
    fields = ("id", "person", "organization", "plan_name", "price", "anchor_at", "ended_at", "sessions_used")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        # A phone number would be decrypted for every row, and none is shown.
        return (
            super()
            .get_queryset(request)
            .select_related("person", "organization")
            .defer("person__phone_number")
        )

    def find(self, term: str, most: int) -> list[Any]:
        people = search.people(term, most=most)
        organizations = find_organizations(term, most)
        found: list[Any] = []
        for rows in (
            Subscription.objects.filter(person__in=people),
            Subscription.objects.filter(organization__in=organizations),
        ):
            found += list(rows.order_by("-anchor_at").values_list("pk", flat=True)[:most])
        found += list(Subscription.objects.filter(pk__in=keys_in(term)).values_list("pk", flat=True))
        return list(dict.fromkeys(found))[:most]

    @admin.display(description=_("holder"))
    def holder(self, subscription: Subscription) -> str:
        return str(subscription.person or subscription.organization)

    @admin.display(description=_("plan"), ordering="plan_code")
    def plan_name(self, subscription: Subscription) -> str:
        return str(subscription.plan.name)

    @admin.display(description=_("price per month and seat"))
    def price(self, subscription: Subscription) -> str:
        return money(subscription.price_minor, subscription.currency, "en_GB")

    @admin.display(description=_("sessions used this period"))
    def sessions_used(self, subscription: Subscription) -> str:
        if subscription.ended_at:
            return "–"
        payer = Payer(person_id=subscription.person_id, organization_id=subscription.organization_id)
        used = summary(payer, at=timezone.now())
        return str(used.used) if used.quota is None else f"{used.used} / {used.quota}"


class LinesInline(admin.TabularInline):
    model = InvoiceLine
    fields = readonly_fields = ("position", "kind", "quantity", "amount", "period_start", "period_end")
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Whoever may see the invoice.
        return True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("invoice").order_by("position")

    @admin.display(description=_("amount"))
    def amount(self, line: InvoiceLine) -> str:
        return money(line.amount_minor, line.invoice.currency, "en_GB")


@admin.register(Invoice)
class InvoiceAdmin(FoundOnly):
    list_display = ("number", "kind", "bill_to_name", "total", "state", "issued_at", "due_at")
    search_fields = ("pk",)
    search_help_text = _(
        "The beginning of a number, of a person's name or email address, or of an organization's name, "
        "or an id."
    )
    ordering = ("-issued_at", "-number")
    fields = readonly_fields = (
        "number", "kind", "state", "total", "tax", "issued_at", "due_at", "paid_at", "bill_to_name",
        "subscription", "credits", "gateway", "gateway_invoice",
    )  # fmt: skip
    inlines = (LinesInline,)
    person_field = "person_id"
    organization_field = "organization_id"

    def find(self, term: str, most: int) -> list[Any]:
        people = search.people(term, most=most)
        organizations = find_organizations(term, most)
        found: list[Any] = []
        for rows in (
            Invoice.objects.filter(beginning("number", term.strip().upper())),
            Invoice.objects.filter(person__in=people),
            Invoice.objects.filter(organization__in=organizations),
            Invoice.objects.filter(pk__in=keys_in(term)),
            Invoice.objects.filter(subscription__in=keys_in(term)),
        ):
            found += list(rows.newest_first().values_list("pk", flat=True)[:most])
        return list(dict.fromkeys(found))[:most]

    @admin.display(description=_("total"))
    def total(self, invoice: Invoice) -> str:
        return money(invoice.total_minor, invoice.currency, "en_GB")

    @admin.display(description=_("tax in it"))
    def tax(self, invoice: Invoice) -> str:
        return money(invoice.tax_minor, invoice.currency, "en_GB")


@admin.register(GatewayEvent)
class GatewayEventAdmin(ReadOnlyAdmin):
    """What a gateway told: ids alone."""

    list_display = ("received_at", "gateway", "kind", "event_id", "handled_at", "whose")
    ordering = ("-received_at", "id")
    fields = readonly_fields = (
        "gateway", "event_id", "kind", "received_at", "handled_at", "subscription",
    )  # fmt: skip
    search_fields = ("pk",)
    search_help_text = _("The whole id of an event, as the gateway gave it, or of a subscription.")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        keys = keys_in(term)
        return (queryset.filter(subscription__in=keys) if keys else queryset.filter(event_id=term)), False

    @admin.display(description=_("subscription"))
    def whose(self, event: GatewayEvent) -> str:
        return str(event.subscription_id or "–")


def keys_in(term: str) -> list[UUID]:
    """The id that somebody typed, if it is one."""
    try:
        return [UUID(term.strip())]
    except ValueError:
        return []
