"""Our catalogue at Stripe: a product for each plan, a price for each amount, and the rate of the tax.

All of it is made when it is first needed and found again by what it is called, so that there is
nothing to set up in Stripe's Dashboard and nothing to keep here. A price never changes: another
amount is another price, and a subscription keeps the one that was agreed.
"""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.utils import translation

from billing.catalogue import PLANS, Plan
from billing.gateways.stripe_client import client

if TYPE_CHECKING:
    from stripe import Price

PRODUCT = "medimic_"


def price_id(plan: Plan, unit_minor: int, currency: str) -> str:
    """The id of the price of one seat for one month."""
    return _price_id(client(), plan.code, unit_minor, currency)


def tax_rate_ids(basis_points: int) -> list[str]:
    """The rate that comes on top of the prices, as Stripe takes it; none for no tax."""
    return [_tax_rate_id(client(), basis_points)] if basis_points else []


def plan_of(price: "Price") -> Plan:
    """The plan that a price is for. Raises `LookupError` for one that we did not make."""
    product = price.product if isinstance(price.product, str) else price.product.id
    if not product.startswith(PRODUCT):
        raise LookupError(f"{product} is no plan of ours")
    return PLANS[product.removeprefix(PRODUCT)]


# By client, so that another key or another server starts anew.
@lru_cache(maxsize=64)
def _price_id(stripe: Any, plan_code: str, unit_minor: int, currency: str) -> str:
    key = f"{PRODUCT}{plan_code}_{currency.lower()}_{unit_minor}"
    found = stripe.v1.prices.list({"lookup_keys": [key], "active": True}).data
    if not found:
        _make_product(stripe, plan_code)
        found = [
            stripe.v1.prices.create(
                {
                    "product": f"{PRODUCT}{plan_code}",
                    "unit_amount": unit_minor,
                    "currency": currency.lower(),
                    "recurring": {"interval": "month"},
                    "lookup_key": key,
                    "tax_behavior": "exclusive",
                },
                {"idempotency_key": f"price:{key}"},
            )
        ]
    return str(found[0].id)


def _make_product(stripe: Any, plan_code: str) -> None:
    from stripe import InvalidRequestError

    # Stripe shows it on its pages and receipts, to customers of any language.
    with translation.override("en"):
        name = f"MediMic {PLANS[plan_code].name}"
    try:
        stripe.v1.products.create({"id": f"{PRODUCT}{plan_code}", "name": name})
    except InvalidRequestError as error:
        if error.code != "resource_already_exists":
            raise


@lru_cache(maxsize=8)
def _tax_rate_id(stripe: Any, basis_points: int) -> str:
    percentage = f"{basis_points / 100:.2f}".rstrip("0").rstrip(".")
    for rate in stripe.v1.tax_rates.list({"active": True, "inclusive": False, "limit": 100}).data:
        if round(rate.percentage * 100) == basis_points:
            return str(rate.id)
    made = stripe.v1.tax_rates.create(
        {"display_name": "VAT", "percentage": percentage, "inclusive": False},
        {"idempotency_key": f"tax_rate:{basis_points}"},
    )
    return str(made.id)
