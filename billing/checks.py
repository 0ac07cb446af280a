"""What `manage.py check` finds out about the settings of payments."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

KEY_PREFIXES = ("sk_", "rk_")
LIVE = ("sk_live_", "rk_live_")


def is_live() -> bool:
    """Whether the key moves real money."""
    return settings.STRIPE_SECRET_KEY.startswith(LIVE)


@register(Tags.security)
def stripe_is_whole(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """A key alone would charge and never hear of a payment; a secret alone would never charge."""
    key, secret = settings.STRIPE_SECRET_KEY, settings.STRIPE_WEBHOOK_SECRET
    found: list[CheckMessage] = []
    for name, other in (("STRIPE_SECRET_KEY", secret), ("STRIPE_WEBHOOK_SECRET", key)):
        if other and not getattr(settings, name):
            found.append(
                Error(
                    f"Stripe is configured by half: {name} is missing.",
                    hint="Set STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRET, or neither of them.",
                    id="billing.E001",
                )
            )
    if key and not key.startswith(KEY_PREFIXES):
        found.append(
            Error(
                "STRIPE_SECRET_KEY is not a secret key of Stripe.",
                hint="It begins with sk_ or rk_; a key that begins with pk_ is for browsers.",
                id="billing.E002",
            )
        )
    if secret and not secret.startswith("whsec_"):
        found.append(
            Error(
                "STRIPE_WEBHOOK_SECRET is not the secret of a webhook endpoint.",
                hint="Stripe shows it beside the endpoint; it begins with whsec_.",
                id="billing.E003",
            )
        )
    return found


@register(Tags.security, deploy=True)
def stripe_takes_real_money(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """A test key in production gives plans away; a stand-in for Stripe takes no money either."""
    if not settings.PRODUCTION or not settings.STRIPE_SECRET_KEY:
        return []
    if is_live() and settings.STRIPE_API_BASE == "https://api.stripe.com":
        return []
    return [
        Warning("Stripe takes no real money here.", hint="Set a live STRIPE_SECRET_KEY.", id="billing.W001")
    ]


@register(Tags.security, deploy=True)
def invoices_can_be_paid(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """An invoice that names no account is one that nobody can pay."""
    if not settings.PRODUCTION or settings.STRIPE_SECRET_KEY or settings.BILLING_ACCOUNT.strip():
        return []
    return [
        Warning(
            "Invoices do not say where to pay them.",
            hint="Set BILLING_ACCOUNT, or take payments with Stripe.",
            id="billing.W002",
        )
    ]
