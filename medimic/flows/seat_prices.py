"""What inviting people costs where all paid seats are taken, in words for whoever invites."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils import timezone
from django.utils.translation import ngettext

from accounts.models import Person
from billing import seats
from billing.money import money
from medimic.formatting import Dates
from orgs.models import Membership, Organization


@dataclass(frozen=True)
class SeatPriceText:
    """ "1 more seat", "€24.50", "€49.00", "21 Dec 2026"."""

    added: str
    due: str
    monthly: str
    renewal: str


def of(organization: Organization, roles: Iterable[str], reader: Person) -> SeatPriceText | None:
    """For inviting people in these roles, if all of them come; None where it costs nothing."""
    newcomers = sum(role in Membership.WORKING_ROLES for role in roles)
    if not newcomers:
        return None
    price = seats.price_of(organization, newcomers, at=timezone.now())
    if price is None:
        return None
    locale = reader.date_locale
    more = ngettext("%(n)d more seat", "%(n)d more seats", price.added) % {"n": price.added}
    return SeatPriceText(
        more,
        money(price.due_minor, price.currency, locale),
        money(price.monthly_minor, price.currency, locale),
        Dates.of(reader).day(price.next_at.date()),
    )
