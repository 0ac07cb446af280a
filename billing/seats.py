"""Paid seats of Team and Enterprise: one for everybody who works there.

Seats are claimed under the lock of the organization and its subscription, so that the last one goes
to one of many. Who leaves frees theirs for the next; paid seats shrink at the renewal.
"""

import datetime as dt
from dataclasses import dataclass

from billing import gateways, proration, standing, subscriptions
from billing.entitlements import Payer
from billing.lines import net_of, tax_on
from medimic.audit.log import Origin
from orgs.models import Invitation, Membership, Organization


class NoSeat(Exception):
    """All paid seats are taken, and nobody agreed to pay for another one."""


@dataclass(frozen=True)
class Seats:
    """The seats of an organization. `invited` are open invitations of people who would need one."""

    paid: int
    taken: int
    invited: int

    @property
    def free(self) -> int:
        """Those that neither somebody has nor an open invitation may take."""
        return max(self.paid - self.taken - self.invited, 0)

    def missing_for(self, newcomers: int) -> int:
        """How many more would have to be paid if so many came besides those invited."""
        return max(self.taken + self.invited + newcomers - max(self.paid, self.taken + self.invited), 0)


@dataclass(frozen=True)
class SeatPrice:
    """What so many more seats cost: today for the rest of the period, and then each month; with tax."""

    added: int
    due_minor: int
    monthly_minor: int
    currency: str
    next_at: dt.datetime


def seats_of(organization: Organization) -> Seats | None:
    """None for an organization that pays for no seats."""
    subscription = subscriptions.living_of(organization)
    if subscription is None or not subscription.plan.per_seat:
        return None
    invited = Invitation.objects.good().filter(organization=organization, role__in=Membership.WORKING_ROLES)
    return Seats(subscription.seats, subscriptions.working_members(organization), invited.count())


def price_of(organization: Organization, newcomers: int, *, at: dt.datetime) -> SeatPrice | None:
    """What inviting so many people who will work there costs, if all come; None if nothing."""
    found = seats_of(organization)
    subscription = subscriptions.living_of(organization)
    if found is None or subscription is None:
        return None
    added = found.missing_for(newcomers)
    if not added:
        return None
    lines = proration.more_seats(subscription, subscription.seats + added, at=at)
    rate, net = subscription.tax_basis_points, net_of(lines)
    monthly = subscription.price_minor * added
    return SeatPrice(
        added=added,
        due_minor=net + tax_on(net, rate),
        monthly_minor=monthly + tax_on(monthly, rate),
        currency=subscription.currency,
        next_at=subscription.period.end,
    )


def claim(organization: Organization, *, may_add: bool, origin: Origin, at: dt.datetime) -> int:
    """A seat for whoever has just begun to work there, in the same transaction; how many were added.

    The caller holds the organization's lock. With a free paid seat nothing is charged; without one
    the next is added and charged if `may_add`: an admin was shown what it costs, and agreed.
    Raises `NoSeat`, and then the newcomer is to be turned away (the transaction undone).
    """
    subscription = subscriptions.hold(organization)
    if subscription is None or not subscription.plan.per_seat:
        return 0
    needed = subscriptions.working_members(organization)
    if needed <= subscription.seats:
        return 0
    if not may_add or not standing.may_grow(Payer(organization_id=organization.pk), at=at):
        raise NoSeat
    try:
        change = subscriptions.add_seats(subscription, needed, by=None, origin=origin, at=at)
    except subscriptions.PaymentDue:
        raise NoSeat from None
    added = needed - subscription.seats
    gateways.gateway_of(subscription).seats_claimed(change.subscription, change.lines, origin=origin, at=at)
    return added
