"""Subscriptions as support looks them up. Nothing is edited here."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.entitlements import Payer
from billing.models import Subscription
from billing.money import money
from billing.usage import summary
from medimic.readonly_admin import ReadOnlyAdmin


@admin.register(Subscription)
class SubscriptionAdmin(ReadOnlyAdmin):
    list_display = ("holder", "plan_name", "price", "anchor_at", "ended_at")
    list_filter = ("plan_code",)
    search_fields = ("^person__email", "^organization__name", "=organization__slug")
    search_help_text = _("The beginning of a person's email address or of an organization's name.")
    ordering = ("-anchor_at", "-id")
    fields = ("id", "person", "organization", "plan_name", "price", "anchor_at", "ended_at", "sessions_used")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        # A phone number would be decrypted for every row, and none is shown.
        return (
            super()
            .get_queryset(request)
            .select_related("person", "organization")
            .defer("person__phone_number")
        )

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
