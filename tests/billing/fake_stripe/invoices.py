"""Invoices: lines, tax, and the attempt to take money for them."""

from typing import Any

from tests.billing.fake_stripe.store import Store, Thing, rounded
from tests.billing.fake_stripe.wire import Refused, Unknown

DECLINES = {
    "declined": ("card_declined", "generic_decline"),
    "insufficient": ("card_declined", "insufficient_funds"),
}


class Invoices:
    def __init__(self, store: Store) -> None:
        self.store = store
        self._numbered = 0

    def line(self, item: Thing, amount: int, period: tuple[int, int], **more: Any) -> Thing:
        price = self.store.get("price", more.pop("price", item["price"]["id"]))
        return {
            "object": "line_item",
            "amount": amount,
            "subtotal": amount,
            "currency": price["currency"],
            "description": more.pop("description"),
            "period": {"start": period[0], "end": period[1]},
            "quantity": more.pop("quantity", item["quantity"]),
            "pricing": {
                "type": "price_details",
                "price_details": {"price": price["id"], "product": price["product"]},
                "unit_amount_decimal": str(price["unit_amount"]),
            },
            "parent": {
                "type": "subscription_item_details",
                "subscription_item_details": {
                    "subscription": item["subscription"],
                    "subscription_item": item["id"],
                    "proration": more.pop("proration", False),
                },
            },
            "livemode": False,
            **more,
        }

    def figures(self, lines: list[Thing], tax_rates: list[Thing]) -> Thing:
        """Totals; exclusive tax is rounded on each line, which is Stripe's default."""
        taxes: dict[str, int] = {}
        for line in lines:
            line["taxes"] = []
            for rate in tax_rates:
                basis_points = round(rate["percentage"] * 100)
                amount = rounded(abs(line["amount"]) * basis_points, 10_000)
                amount = amount if line["amount"] >= 0 else -amount
                taxes[rate["id"]] = taxes.get(rate["id"], 0) + amount
                line["taxes"].append(self._tax(rate["id"], amount))
        subtotal = sum(line["amount"] for line in lines)
        total = subtotal + sum(taxes.values())
        if total < 0:
            raise Unknown("an invoice below zero, which would become a credit balance")
        return {
            "subtotal": subtotal,
            "total": total,
            "total_excluding_tax": subtotal,
            "total_taxes": [self._tax(rate, amount) for rate, amount in taxes.items()],
            "amount_due": total,
            "amount_paid": 0,
            "amount_remaining": total,
        }

    def _tax(self, rate: str, amount: int) -> Thing:
        return {
            "amount": amount,
            "tax_behavior": "exclusive",
            "type": "tax_rate_details",
            "tax_rate_details": {"tax_rate": rate},
        }

    def describe(self, subscription: Thing, lines: list[Thing], reason: str) -> Thing:
        """The fields of an invoice for a subscription, as a preview has them, too."""
        return {
            "customer": subscription["customer"],
            "currency": subscription["currency"],
            "billing_reason": reason,
            "collection_method": "charge_automatically",
            "lines": {"object": "list", "data": lines, "has_more": len(lines) > 10},
            "parent": {
                "type": "subscription_details",
                "subscription_details": {
                    "subscription": subscription["id"],
                    "metadata": dict(subscription["metadata"]),
                },
            },
            "period_start": self.store.now,
            "period_end": self.store.now,
            **self.figures(lines, subscription["default_tax_rates"]),
        }

    def issue(self, subscription: Thing, lines: list[Thing], reason: str) -> Thing:
        self._numbered += 1
        for line in lines:
            line["id"] = self.store.add("il")["id"]
        invoice = self.store.add(
            "in",
            number=f"FAKE-{self._numbered:04d}",
            status="open",
            attempt_count=0,
            attempted=False,
            next_payment_attempt=None,
            metadata={},
            status_transitions={"finalized_at": self.store.now, "paid_at": None, "voided_at": None},
            _payments=[],
            **self.describe(subscription, lines, reason),
        )
        invoice["hosted_invoice_url"] = f"{self.store.base}/i/{invoice['id']}"
        for line in lines:
            line["invoice"] = invoice["id"]
        self.store.emit("invoice.created", invoice)
        self.store.emit("invoice.finalized", invoice)
        return invoice

    def attempt(self, invoice: Thing, method: str | None, *, confirmed: bool = False) -> str:
        """Try to take the money: "paid", "declined" or "action"; the events tell the same."""
        card = self.store.get("payment_method", method) if method else None
        outcome = card["_behaviour"] if card else "declined"
        if confirmed and outcome == "action":
            outcome = "ok"
        invoice["attempt_count"] += 1
        invoice["attempted"] = True
        if outcome == "ok" or invoice["total"] == 0:
            self._intent(invoice, method, "succeeded")
            self.settle(invoice)
            return "paid"
        if outcome == "action":
            self._intent(invoice, method, "requires_action")
            self.store.emit("invoice.payment_failed", invoice)
            self.store.emit("invoice.payment_action_required", invoice)
            return "action"
        code, decline = DECLINES[outcome]
        error = {
            "type": "card_error",
            "code": code,
            "decline_code": decline,
            "message": "Your card was declined.",
        }
        self._intent(invoice, None, "requires_payment_method", error)
        self.store.emit("invoice.payment_failed", invoice)
        return "declined"

    def settle(self, invoice: Thing) -> None:
        invoice.update(
            status="paid", amount_paid=invoice["total"], amount_remaining=0, next_payment_attempt=None
        )
        invoice["status_transitions"]["paid_at"] = self.store.now
        self.store.emit("invoice.paid", invoice)
        self.store.emit("invoice.payment_succeeded", invoice)

    def void(self, invoice: Thing) -> None:
        if invoice["status"] != "open":
            raise Refused(400, "invalid_request_error", "You can only void an open invoice.")
        invoice.update(status="void", amount_remaining=0)
        invoice["status_transitions"]["voided_at"] = self.store.now
        self.store.emit("invoice.voided", invoice)

    def _intent(self, invoice: Thing, method: str | None, status: str, error: Thing | None = None) -> None:
        for payment in invoice["_payments"]:
            self.store.things[payment["payment"]["payment_intent"]].update(
                status=status, payment_method=method, last_payment_error=error
            )
            return
        intent = self.store.add(
            "pi",
            amount=invoice["total"],
            currency=invoice["currency"],
            customer=invoice["customer"],
            status=status,
            payment_method=method,
            last_payment_error=error,
        )
        invoice["_payments"].append(
            self.store.add(
                "inpay",
                invoice=invoice["id"],
                is_default=True,
                status="paid" if status == "succeeded" else "open",
                payment={"type": "payment_intent", "payment_intent": intent["id"]},
            )
        )
