"""At whose plan somebody looks: their own, or that of an organization which they manage."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.http import Http404
from django.utils import timezone

from accounts.models import Person
from billing.addresses import Addresses
from billing.catalogue import FREE_TRIAL, Plan
from billing.models import Subscription
from billing.money import money
from medimic.formatting import Dates
from orgs.access import managed
from orgs.models import Organization
from orgs.standing import SignedInRequest, standing_in


@dataclass(frozen=True)
class Desk:
    """A holder with their living subscription, if any, at one instant; and who looks, with their dates."""

    person: Person
    organization: Organization | None
    subscription: Subscription | None
    dates: Dates
    at: dt.datetime

    @property
    def holder(self) -> Person | Organization:
        return self.organization or self.person

    @property
    def plan(self) -> Plan:
        return self.subscription.plan if self.subscription else FREE_TRIAL

    @property
    def addresses(self) -> Addresses:
        return Addresses.of(self.organization)

    @property
    def locale(self) -> str:
        return self.person.date_locale

    @property
    def context(self) -> dict[str, Any]:
        """What every billing page takes: its frame, and the level of headings inside it."""
        return {
            "desk": self,
            "layout": "billing/layout_organization.html" if self.organization else "billing/layout_own.html",
            "level": 3 if self.organization else 2,
            "addresses": self.addresses,
            "organization": self.organization,
            "subscription": self.subscription,
        }

    def money(self, minor: int, currency: str) -> str:
        return money(minor, currency, self.locale)

    def day(self, instant: dt.datetime) -> str:
        """Periods begin and end at midnight UTC: a day of the calendar, not of the reader's clock."""
        return self.dates.day(instant.astimezone(dt.UTC).date())


def desk_of(request: SignedInRequest, slug: str = "") -> Desk:
    """The holder that an address names, resolved through the viewer.

    An organization is for its admins (others: 404, or 403 for whoever works there). A patient
    and nothing else has no billing, unless they took a plan of their own at some time.
    """
    organization = managed(request, slug) if slug else None
    person = None if organization else request.user
    subscriptions = Subscription.objects.of_holder(person=person, organization=organization)
    subscription = subscriptions.living().first()
    if organization is None and subscription is None and standing_in(request).is_patient_only:
        if not subscriptions.exists():
            raise Http404
    dates = Dates.of(request.user)
    return Desk(request.user, organization, subscription, dates, timezone.now())
