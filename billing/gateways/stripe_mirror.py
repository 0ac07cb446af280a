"""Bringing what is here into line with what Stripe tells, by the verbs that everybody calls.

Whoever asked for it (a person at a page, an event, the reconciliation), it comes by here: fetched
first, without any lock, and then acted upon in one transaction under the lock of the customer's
row, unless somebody has acted on another answer meanwhile; then it is fetched once more.
"""

import datetime as dt
import logging
from collections.abc import Callable

from django.db import transaction
from django.db.models import F

from billing import invoices, notices, payments, subscriptions
from billing.gateways.stripe_charges import go_on
from billing.gateways.stripe_client import in_our_words
from billing.gateways.stripe_remote import Remote, RemoteInvoice, RemoteSubscription, fetch
from billing.lines import net_of
from billing.models import GatewayCustomer, GatewayName, Invoice, Subscription
from billing.subscriptions import Change, NotPossible
from medimic.audit.log import SYSTEM, Origin
from medimic.audit.models import ActorKind

logger = logging.getLogger(__name__)


class Superseded(Exception):
    """Somebody has acted on another answer meanwhile."""


def mirror(
    customer: GatewayCustomer,
    *,
    at: dt.datetime,
    origin: Origin | None = None,
    also: Callable[[Subscription | None], None] | None = None,
) -> Subscription | None:
    """The holder's subscription after all that Stripe knows has been done here, too.

    `origin` is who acts; without one, who asked last for what is done only now. `also` is called
    in the transaction that acts, and what it raises undoes all. Raises `Unavailable`.
    """
    customer.refresh_from_db()
    first = customer.version
    while True:
        # Two others have acted since this began. The second of them fetched after the first had
        # acted, so after this began: what this was to find out has been done.
        is_covered = customer.version >= first + 2 or not customer.customer_id
        with in_our_words():
            remote = None if is_covered else _fetched(customer)
        try:
            return _act(customer, remote, origin, at, also)
        except Superseded:
            customer.refresh_from_db()


def _fetched(customer: GatewayCustomer) -> Remote:
    holder = customer.holder
    known = subscriptions.living_of(holder)
    mirrored = Invoice.objects.filter(
        gateway=GatewayName.STRIPE,
        kind=Invoice.Kind.INVOICE,
        subscription__gateway_customer=customer.customer_id,
    ).exclude(state=Invoice.State.OPEN)
    return fetch(
        customer,
        known.gateway_subscription if known and known.gateway == GatewayName.STRIPE else "",
        set(mirrored.values_list("gateway_invoice", flat=True)),
    )


def _act(
    customer: GatewayCustomer,
    remote: Remote | None,
    origin: Origin | None,
    at: dt.datetime,
    also: Callable[[Subscription | None], None] | None,
) -> Subscription | None:
    with transaction.atomic():
        # The holder's lock comes first, as in every verb.
        subscriptions.hold(customer.holder)
        fresh = GatewayCustomer.objects.select_for_update(no_key=True, of=("self",)).get(pk=customer.pk)
        if remote is not None and fresh.version != customer.version:
            raise Superseded
        found = subscriptions.living_of(fresh.holder)
        if remote is not None:
            found = _follow(fresh, remote, origin or _who_waits(fresh), at)
        if also is not None:
            also(found)
        return found


def _follow(
    customer: GatewayCustomer, remote: Remote, origin: Origin, at: dt.datetime
) -> Subscription | None:
    for one in remote.subscriptions:
        _Mirror(customer, one, remote.invoices[one.id], origin, at).act()
    found = subscriptions.living_of(customer.holder)
    if found is not None and found.gateway == GatewayName.STRIPE and found.payment_method != remote.card:
        found.payment_method = remote.card
        found.save(update_fields=["payment_method"])
    customer.payment_method_id, customer.payment_method = remote.card_id, remote.card
    customer.version = F("version") + 1
    customer.save(
        update_fields=[
            "version", "charged_seats", "acting_kind", "acting_id", "payment_method_id", "payment_method",
        ]
    )  # fmt: skip
    return found


def _who_waits(customer: GatewayCustomer) -> Origin:
    if not customer.acting_kind:
        return SYSTEM
    return Origin(ActorKind(customer.acting_kind), customer.acting_id)


class _Mirror:
    """One subscription there, and what it makes of the one here."""

    def __init__(
        self,
        customer: GatewayCustomer,
        remote: RemoteSubscription,
        charged: tuple[RemoteInvoice, ...],
        origin: Origin,
        at: dt.datetime,
    ) -> None:
        self.customer = customer
        self.remote = remote
        self.charged = charged
        self.origin = origin
        self.at = at

    def act(self) -> None:
        found = Subscription.objects.filter(
            gateway=GatewayName.STRIPE, gateway_subscription=self.remote.id
        ).first()
        if found is None:
            if not self.remote.is_living or (found := self._start()) is None:
                return
        # Money first: who has paid may do again what the verbs below refuse.
        self._settle(found)
        if found.ended_at is None and self.remote.is_living:
            self._flag(found)
            self._plan(found)
        self._charges(found)
        if found.ended_at is not None:
            if self.remote.is_living:
                logger.error("subscription %s ended here and goes on at Stripe", found.pk)
        elif not self.remote.is_living:
            self._end(found)
        else:
            subscriptions.refresh_standing(found, origin=self.origin, at=self.at)

    def _start(self) -> Subscription | None:
        change = self._tried(
            lambda: subscriptions.start(
                self.customer.holder,
                self.remote.plan,
                seats=self.remote.seats,
                by=None,
                origin=self.origin,
                at=self.remote.anchor_at,
                gateway=GatewayName.STRIPE,
                gateway_customer=self.customer.customer_id,
                gateway_subscription=self.remote.id,
            )
        )
        if change is None:
            return None
        self._charged_for(self.remote.seats)
        return change.subscription

    def _end(self, found: Subscription) -> None:
        if subscriptions.end(found, origin=self.origin, at=self.remote.ended_at or self.at):
            notices.ended(found)
        self.customer.charged_seats = 0
        self._done()

    def _flag(self, found: Subscription) -> None:
        """Whether it ends with its period."""
        if self.remote.cancel_at_period_end != found.cancel_at_period_end:
            verb = subscriptions.cancel if self.remote.cancel_at_period_end else subscriptions.resume
            self._tried(lambda: verb(found, by=None, origin=self.origin, at=self.at))
            found.refresh_from_db()

    def _plan(self, found: Subscription) -> None:
        """The period, the plan and the seats that are paid there. Less of them is for the next period."""
        lower = self.remote.plan
        if self.remote.period.start >= found.period.end:
            chosen = found.next_plan
            self._renew(found)
            # What was chosen here and did not reach Stripe in time stays chosen.
            if chosen and subscriptions.is_greater(self.remote.plan, chosen):
                lower = chosen
        if subscriptions.is_greater(self.remote.plan, found.plan):
            self._upgrade(found)
        if subscriptions.is_greater(found.plan, lower) and not found.cancel_at_period_end:
            self._tried(
                lambda: subscriptions.downgrade(found, lower, by=None, origin=self.origin, at=self.at)
            )
        self._seats(found)
        found.refresh_from_db()

    def _upgrade(self, found: Subscription) -> None:
        self._tried(
            lambda: subscriptions.upgrade(found, self.remote.plan, by=None, origin=self.origin, at=self.at)
        )
        found.refresh_from_db()
        self._done()
        if self.remote.cancel_at_period_end and not found.cancel_at_period_end:
            # An upgrade takes it back; one that a bank had to confirm could not do so at once.
            transaction.on_commit(lambda: go_on(self.remote.id), robust=True)

    def _renew(self, found: Subscription) -> None:
        at = max(self.at, found.period.end)
        self._tried(lambda: subscriptions.renew(found, at=at, period=self.remote.period))
        found.refresh_from_db()
        if found.period.start == self.remote.period.start:
            self.customer.charged_seats = self.remote.seats

    def _seats(self, found: Subscription) -> None:
        """More there than here were charged: they have them. Fewer were claimed since, or are for later."""
        if self.remote.seats > found.seats and found.plan.per_seat:
            self._tried(
                lambda: subscriptions.add_seats(
                    found, self.remote.seats, by=None, origin=self.origin, at=self.at
                )
            )
        # Nothing but a charge raises it there.
        if self.remote.seats > self.customer.charged_seats:
            self._charged_for(self.remote.seats)

    def _settle(self, subscription: Subscription) -> None:
        """Invoices that are here and open: paid there since, or given up."""
        charged = {one.id: one for one in self.charged}
        for invoice in subscription.invoices.owed().exclude(gateway_invoice=""):
            remote = charged.get(invoice.gateway_invoice)
            if remote and remote.status == "paid":
                payments.settle(invoice, origin=self.origin, at=remote.paid_at or self.at)
            elif remote and remote.status == "void":
                payments.credit(invoice, origin=self.origin, at=self.at, reason="Voided at Stripe")
        subscription.refresh_from_db()

    def _charges(self, subscription: Subscription) -> None:
        """Invoices that are not here yet, the oldest first."""
        ours = subscription.invoices.filter(kind=Invoice.Kind.INVOICE)
        known = set(ours.values_list("gateway_invoice", flat=True))
        for remote in self.charged:
            if remote.id not in known and self._is_owed(remote):
                self._issue(subscription, remote)

    def _is_owed(self, invoice: RemoteInvoice) -> bool:
        """Paid, or tried and still owed; not so what a change costs that waits for its payment."""
        if invoice.status == "paid":
            return invoice.total_minor > 0
        waits = self.remote.is_pending and invoice.id == self.remote.latest_invoice
        return invoice.status in ("open", "uncollectible") and invoice.was_tried and not waits

    def _issue(self, subscription: Subscription, remote: RemoteInvoice) -> None:
        """Ours, with our number, over what Stripe has charged: its lines, its tax, its total."""
        if net_of(remote.lines) + remote.tax_minor != remote.total_minor:
            raise ValueError(f"the lines of {remote.id} do not add up to its total")
        invoices.issue(
            subscription,
            remote.lines,
            at=remote.issued_at,
            due_at=remote.issued_at,
            origin=self.origin,
            gateway_invoice=remote.id,
            paid_at=remote.paid_at if remote.status == "paid" else None,
            tax_minor=remote.tax_minor,
        )

    def _charged_for(self, seats: int) -> None:
        self.customer.charged_seats = seats
        self._done()

    def _done(self) -> None:
        """What somebody asked for has come about."""
        self.customer.acting_kind, self.customer.acting_id = "", None

    def _tried(self, verb: Callable[[], Change]) -> Change | None:
        """Stripe has done it. Where our rules refuse the same, a person must look: it is logged."""
        try:
            return verb()
        except NotPossible as refused:
            logger.error(
                "Stripe's %s differs, and may not be followed: %s", self.remote.id, type(refused).__name__
            )
            return None


def customer_of(subscription: Subscription) -> GatewayCustomer:
    return GatewayCustomer.objects.get(
        gateway=GatewayName.STRIPE,
        person=subscription.person_id,
        organization=subscription.organization_id,
    )


def customer_by_id(customer_id: str) -> GatewayCustomer | None:
    found = GatewayCustomer.objects.filter(gateway=GatewayName.STRIPE, customer_id=customer_id)
    return found.select_related("person", "organization").first() if customer_id else None


def acting(customer: GatewayCustomer, origin: Origin) -> None:
    """Remember who asks for what may be done only later, when a bank has been satisfied."""
    GatewayCustomer.objects.filter(pk=customer.pk).update(
        acting_kind=origin.actor_kind, acting_id=origin.actor_id
    )
