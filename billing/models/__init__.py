from billing.models.gateways import GatewayCustomer, GatewayEvent
from billing.models.invoices import ImmutableInvoice, Invoice, InvoiceCounter, InvoiceLine, LineKind
from billing.models.subscriptions import GatewayName, Status, Subscription, SubscriptionQuerySet
from billing.models.usage import SessionUse, UsagePeriod

__all__ = [
    "GatewayCustomer",
    "GatewayEvent",
    "GatewayName",
    "ImmutableInvoice",
    "Invoice",
    "InvoiceCounter",
    "InvoiceLine",
    "LineKind",
    "SessionUse",
    "Status",
    "Subscription",
    "SubscriptionQuerySet",
    "UsagePeriod",
]
