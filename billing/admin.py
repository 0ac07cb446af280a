"""Subscriptions as support looks them up. Nothing is edited here."""

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import search
from billing.entitlements import Payer
from billing.models import Subscription
from billing.money import money
from billing.usage import summary
from medimic.readonly_admin import FoundOnly
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
        found += list(Subscription.objects.filter(pk=key_of(term)).values_list("pk", flat=True))
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


def key_of(term: str) -> UUID | None:
    try:
        return UUID(term.strip())
    except ValueError:
        return None
