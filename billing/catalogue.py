"""What each plan holds: limits, quotas, seats, features and prices."""

from dataclasses import dataclass
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

CURRENCY = "EUR"


class QuotaSpan(StrEnum):
    """What a session quota counts over."""

    PERIOD = "period"
    EVER = "ever"


class Feature(StrEnum):
    ORGANIZATION = "organization"
    POOL = "pool"


@dataclass(frozen=True)
class Plan:
    """One plan. `None` as a limit means that there is none.

    `price_minor` is for one month in minor units of `CURRENCY`, per seat where
    `per_seat`; `session_quota` likewise is per seat there.
    """

    code: str
    name: str | Promise
    device_limit: int | None
    session_quota: int | None
    quota_span: QuotaSpan
    price_minor: int
    per_seat: bool = False
    features: frozenset[Feature] = frozenset()


GUEST = Plan("guest", _("Guest"), 1, 3, QuotaSpan.EVER, 0)
# Patients take part and never create: they have devices, and no plan of their own.
PATIENT = Plan("patient", _("Patient"), 3, 0, QuotaSpan.EVER, 0)
FREE_TRIAL = Plan("free_trial", _("Free Trial"), 1, 10, QuotaSpan.EVER, 0)
INDIVIDUAL = Plan("individual", _("Individual"), 3, 200, QuotaSpan.PERIOD, 2900)
TEAM = Plan(
    "team", _("Team"), 5, 500, QuotaSpan.PERIOD, 4900,
    per_seat=True, features=frozenset({Feature.ORGANIZATION}),
)  # fmt: skip
ENTERPRISE = Plan(
    "enterprise", _("Enterprise"), None, None, QuotaSpan.PERIOD, 9900,
    per_seat=True, features=frozenset({Feature.ORGANIZATION, Feature.POOL}),
)  # fmt: skip

PLANS: dict[str, Plan] = {
    plan.code: plan for plan in (GUEST, PATIENT, FREE_TRIAL, INDIVIDUAL, TEAM, ENTERPRISE)
}
# What somebody can subscribe to, cheapest first.
TIERS = (FREE_TRIAL, INDIVIDUAL, TEAM, ENTERPRISE)
