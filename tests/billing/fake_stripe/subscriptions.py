"""Subscriptions of one item each: periods, proration by the second, pending updates, renewals."""

from typing import Any

from tests.billing.fake_stripe.invoices import Invoices
from tests.billing.fake_stripe.store import Store, Thing, month_after, rounded
from tests.billing.fake_stripe.wire import Params, Refused, Unknown

ENDED = ("canceled", "incomplete_expired")


class Subscriptions:
    def __init__(self, store: Store, invoices: Invoices) -> None:
        self.store = store
        self.invoices = invoices

    def create(self, params: Params) -> Thing:
        customer = self.store.get("customer", params["customer"])
        wanted = self._one(params["items"])
        price = self.store.get("price", wanted["price"])
        if not self.method_of(customer, params):
            raise Refused(
                400,
                "invalid_request_error",
                "This customer has no attached payment source or default payment method.",
                code="resource_missing",
            )
        now = self.store.now
        subscription = self.store.add(
            "sub",
            customer=customer["id"],
            currency=price["currency"],
            status="incomplete",
            billing_cycle_anchor=now,
            billing_mode={"type": params["billing_mode"]["type"]},
            cancel_at_period_end=False,
            canceled_at=None,
            ended_at=None,
            start_date=now,
            metadata=dict(params.get("metadata", {})),
            default_payment_method=params.get("default_payment_method"),
            default_tax_rates=[self.store.get("tax_rate", n) for n in params.get("default_tax_rates", [])],
            latest_invoice=None,
            pending_update=None,
        )
        item = self.store.add(
            "si",
            subscription=subscription["id"],
            price=price,
            quantity=wanted.get("quantity", 1),
            current_period_start=now,
            current_period_end=month_after(now, 1),
        )
        subscription["items"] = {"object": "list", "data": [item], "has_more": False}
        invoice = self.invoices.issue(subscription, [self._whole_period(item)], "subscription_create")
        subscription["latest_invoice"] = invoice["id"]
        self.store.emit("customer.subscription.created", subscription)
        if self.invoices.attempt(invoice, self.method_of(customer, subscription)) == "paid":
            self._become(subscription, "active")
        return subscription

    def update(self, subscription: Thing, params: Params) -> Thing:
        if subscription["status"] in ENDED:
            raise Refused(
                400, "invalid_request_error", "A canceled subscription can only update its details."
            )
        for name in ("default_payment_method", "cancel_at_period_end"):
            if name in params:
                subscription[name] = params[name]
        if "cancel_at_period_end" in params:
            subscription["canceled_at"] = self.store.now if params["cancel_at_period_end"] else None
        if "metadata" in params:
            subscription["metadata"].update(params["metadata"])
        if "default_tax_rates" in params:
            names = params["default_tax_rates"]
            subscription["default_tax_rates"] = [self.store.get("tax_rate", n) for n in names]
        if "items" in params:
            self._change_item(subscription, params)
        self.store.emit("customer.subscription.updated", subscription)
        return subscription

    def _change_item(self, subscription: Thing, params: Params) -> None:
        behaviour = params.get("proration_behavior", "create_prorations")
        if behaviour == "create_prorations":
            raise Unknown("prorations that wait for the next invoice")
        wanted = self._wanted(subscription, params["items"])
        if behaviour == "none":
            self._apply(subscription, wanted)
            return
        if params["payment_behavior"] == "allow_incomplete":
            self._change_before_payment(subscription, wanted, params)
            return
        if params.keys() & {
            "metadata",
            "cancel_at_period_end",
            "default_tax_rates",
            "default_payment_method",
        }:
            raise Refused(
                400, "invalid_request_error", "pending_if_incomplete does not support that parameter."
            )
        if subscription["pending_update"]:
            self._drop_pending(subscription)
        lines = self.proration(subscription, wanted, params.get("proration_date", self.store.now))
        invoice = self.invoices.issue(subscription, lines, "subscription_update")
        subscription["latest_invoice"] = invoice["id"]
        customer = self.store.get("customer", subscription["customer"])
        if self.invoices.attempt(invoice, self.method_of(customer, subscription)) == "paid":
            self._apply(subscription, wanted)
            return
        subscription["pending_update"] = {
            "expires_at": self.store.now + 23 * 3600,
            "subscription_items": [wanted],
            "_wanted": wanted,
        }

    def _change_before_payment(self, subscription: Thing, wanted: Thing, params: Params) -> None:
        """It takes effect whether or not it is paid; what is not is owed."""
        lines = self.proration(subscription, wanted, params["proration_date"])
        invoice = self.invoices.issue(subscription, lines, "subscription_update")
        subscription["latest_invoice"] = invoice["id"]
        self._apply(subscription, wanted)
        customer = self.store.get("customer", subscription["customer"])
        if self.invoices.attempt(invoice, self.method_of(customer, subscription)) != "paid":
            self._become(subscription, "past_due")

    def preview(self, params: Params) -> Thing:
        details = params.get("subscription_details", {})
        if "subscription" in params:
            subscription = self.store.get("subscription", params["subscription"])
            wanted = self._wanted(subscription, details["items"])
            lines = self.proration(subscription, wanted, details.get("proration_date", self.store.now))
            return {"object": "invoice", **self.invoices.describe(subscription, lines, "upcoming")}
        wanted = self._one(details["items"])
        price = self.store.get("price", wanted["price"])
        item = {
            "id": "si_preview",
            "subscription": None,
            "price": price,
            "quantity": wanted.get("quantity", 1),
            "current_period_start": self.store.now,
            "current_period_end": month_after(self.store.now, 1),
        }
        rates = [self.store.get("tax_rate", name) for name in details.get("default_tax_rates", [])]
        drafted = {"id": None, "customer": params["customer"], "currency": price["currency"], "metadata": {}}
        drafted["default_tax_rates"] = rates
        return {
            "object": "invoice",
            **self.invoices.describe(drafted, [self._whole_period(item)], "upcoming"),
        }

    def proration(self, subscription: Thing, wanted: Thing, at: int) -> list[Thing]:
        """Back for what is unused of the old, and what remains at the new, from `at` on."""
        item = subscription["items"]["data"][0]
        start, end = item["current_period_start"], item["current_period_end"]
        if not start <= at < end:
            raise Refused(400, "invalid_request_error", "proration_date must be within the current period.")
        old, new = item["price"], self.store.get("price", wanted["price"])
        if (old["id"], item["quantity"]) == (new["id"], wanted["quantity"]):
            raise Unknown("a change that changes nothing")
        back = rounded(old["unit_amount"] * item["quantity"] * (end - at), end - start)
        due = rounded(new["unit_amount"] * wanted["quantity"] * (end - at), end - start)
        common: dict[str, Any] = {"proration": True}
        return [
            self.invoices.line(item, -back, (at, end), description="Unused time", **common),
            self.invoices.line(
                item, due, (at, end), description="Remaining time", price=new["id"],
                quantity=wanted["quantity"], **common,
            ),
        ]  # fmt: skip

    def cancel(self, subscription: Thing) -> Thing:
        if subscription["status"] in ENDED:
            raise Refused(404, "invalid_request_error", "No such subscription", code="resource_missing")
        for invoice in self.store.all("invoice"):
            named = invoice["parent"]["subscription_details"]["subscription"]
            if named == subscription["id"] and invoice["status"] == "open":
                self.invoices.void(invoice)
        subscription["ended_at"] = subscription["canceled_at"] = self.store.now
        subscription["status"] = "canceled"
        self.store.emit("customer.subscription.deleted", subscription)
        return subscription

    def renew(self, subscription: Thing) -> None:
        """The period is over: end it as asked, or begin the next one and take its price."""
        item = subscription["items"]["data"][0]
        if subscription["pending_update"]:
            self._drop_pending(subscription)
        if subscription["cancel_at_period_end"]:
            self.cancel(subscription)
            return
        months = 1
        while month_after(subscription["billing_cycle_anchor"], months) <= item["current_period_end"]:
            months += 1
        item["current_period_start"] = item["current_period_end"]
        item["current_period_end"] = month_after(subscription["billing_cycle_anchor"], months)
        invoice = self.invoices.issue(subscription, [self._whole_period(item)], "subscription_cycle")
        subscription["latest_invoice"] = invoice["id"]
        self.collect(subscription, invoice)
        self.store.emit("customer.subscription.updated", subscription)

    def collect(self, subscription: Thing, invoice: Thing, *, confirmed: bool = False) -> str:
        """Try an open invoice (again), and let the subscription stand accordingly."""
        customer = self.store.get("customer", subscription["customer"])
        outcome = self.invoices.attempt(invoice, self.method_of(customer, subscription), confirmed=confirmed)
        if outcome == "paid":
            if subscription["pending_update"] and invoice["billing_reason"] == "subscription_update":
                self._apply(subscription, subscription["pending_update"]["_wanted"])
                self.store.emit("customer.subscription.updated", subscription)
            if subscription["status"] in ("incomplete", "past_due"):
                self._become(subscription, "active")
        elif subscription["status"] == "active" and invoice["billing_reason"] == "subscription_cycle":
            invoice["next_payment_attempt"] = self.store.now + 3 * 24 * 3600
            self._become(subscription, "past_due")
        return outcome

    def drop_pending(self, invoice: Thing) -> None:
        """A voided invoice takes the change that waited for it with it."""
        subscription = self.store.get(
            "subscription", invoice["parent"]["subscription_details"]["subscription"]
        )
        if subscription["pending_update"] and subscription["latest_invoice"] == invoice["id"]:
            subscription["pending_update"] = None
            self.store.emit("customer.subscription.updated", subscription)

    def method_of(self, customer: Thing, owner: Thing) -> str | None:
        return owner.get("default_payment_method") or customer["invoice_settings"]["default_payment_method"]

    def _drop_pending(self, subscription: Thing) -> None:
        invoice = self.store.get("invoice", subscription["latest_invoice"])
        if invoice["status"] == "open":
            self.invoices.void(invoice)
        subscription["pending_update"] = None

    def _apply(self, subscription: Thing, wanted: Thing) -> None:
        item = subscription["items"]["data"][0]
        item["price"] = self.store.get("price", wanted["price"])
        item["quantity"] = wanted["quantity"]
        subscription["pending_update"] = None

    def _become(self, subscription: Thing, status: str) -> None:
        subscription["status"] = status
        self.store.emit("customer.subscription.updated", subscription)

    def _whole_period(self, item: Thing) -> Thing:
        period = (item["current_period_start"], item["current_period_end"])
        amount = item["price"]["unit_amount"] * item["quantity"]
        return self.invoices.line(item, amount, period, description="A month")

    def _wanted(self, subscription: Thing, items: list[Thing]) -> Thing:
        item, asked = subscription["items"]["data"][0], self._one(items)
        if asked.get("id") != item["id"]:
            raise Unknown("a second item beside the first: its id is missing")
        return {
            "id": item["id"],
            "price": asked.get("price", item["price"]["id"]),
            "quantity": asked.get("quantity", item["quantity"]),
        }

    def _one(self, items: list[Thing]) -> Thing:
        if len(items) != 1:
            raise Unknown("a subscription of other than one item")
        return items[0]
