"""The calls that the fake knows, each with the parameters that it takes. There are no others."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.billing.fake_stripe.invoices import Invoices
from tests.billing.fake_stripe.store import Store, Thing, listed
from tests.billing.fake_stripe.subscriptions import Subscriptions
from tests.billing.fake_stripe.wire import (
    FLAG,
    NUMBER,
    TEXT,
    TEXTS,
    WORDS,
    Kind,
    Params,
    Refused,
    Unknown,
    checked,
    group,
    groups,
    needed,
    one_of,
)  # fmt: skip


@dataclass(frozen=True)
class Call:
    method: str
    path: re.Pattern[str]
    run: Callable[..., Thing]
    shape: dict[str, Kind]


ITEM = groups(price=TEXT, quantity=NUMBER)
CHANGED_ITEM = groups(id=TEXT, price=TEXT, quantity=NUMBER)
PRORATION = one_of("always_invoice", "none")
LISTING = {"limit": NUMBER, "starting_after": TEXT, "expand": TEXTS}
LOCALES = ("auto", "en", "en-GB", "pl", "de")
CUSTOMER = {
    "name": TEXT, "email": TEXT, "preferred_locales": TEXTS, "metadata": WORDS,
    "invoice_settings": group(default_payment_method=TEXT),
}  # fmt: skip


class Calls:
    """Handlers over one store. A name in a path comes first, then the parameters."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.invoices = Invoices(store)
        self.subscriptions = Subscriptions(store, self.invoices)
        self.table: list[Call] = []
        self._customers()
        self._catalogue()
        self._payment_pages()
        self._of_subscriptions()
        self._of_invoices()

    def answer(self, method: str, path: str, params: Params) -> Thing:
        for call in self.table:
            found = call.path.fullmatch(path)
            if found and call.method == method:
                typed = checked(params, {"expand": TEXTS, **call.shape}, f"{method} {path}")
                expand = typed.pop("expand", [])
                answer = call.run(*found.groups(), typed)
                if answer["object"] == "list":
                    expand = [f"data.{one}" if not one.startswith("data.") else one for one in expand]
                return shown(self.store.expanded(with_payments(answer, expand), expand))
        raise Unknown(f"{method} {path}")

    def on(self, method: str, path: str, run: Callable[..., Thing], **shape: Kind) -> None:
        pattern = re.compile(re.escape(path).replace("ID", "([A-Za-z0-9_]+)"))
        self.table.append(Call(method, pattern, run, shape))

    def _customers(self) -> None:
        store = self.store

        def create(params: Params) -> Thing:
            settings = {"default_payment_method": None, **params.pop("invoice_settings", {})}
            fields = {"name": None, "email": None, "preferred_locales": [], "metadata": {}, **params}
            return store.add("cus", invoice_settings=settings, **fields)

        def update(name: str, params: Params) -> Thing:
            customer = store.get("customer", name)
            settings = params.pop("invoice_settings", {})
            if method := settings.get("default_payment_method"):
                owner = store.get("payment_method", method)["customer"]
                if owner != name:
                    raise Refused(400, "invalid_request_error", "The payment method is not attached to it.")
            customer["invoice_settings"].update(settings)
            customer.update(params)
            store.emit("customer.updated", customer)
            return customer

        self.on("POST", "/v1/customers", create, **CUSTOMER)
        self.on("GET", "/v1/customers/ID", lambda name, _: store.get("customer", name))
        self.on("POST", "/v1/customers/ID", update, **CUSTOMER)

    def _catalogue(self) -> None:
        store = self.store

        def product(params: Params) -> Thing:
            if params["id"] in store.things:
                raise Refused(
                    400, "invalid_request_error", "Product already exists.", code="resource_already_exists"
                )
            return store.add("prod", active=True, **params)

        def price(params: Params) -> Thing:
            store.get("product", params["product"])
            if params["recurring"]["interval"] != "month":
                raise Unknown("a price that is not by the month")
            if any(one["lookup_key"] == params["lookup_key"] for one in store.all("price")):
                raise Refused(400, "invalid_request_error", "A price with that lookup key already exists.")
            return store.add("price", active=True, type="recurring", **params)

        def prices(params: Params) -> Thing:
            keys = params["lookup_keys"]
            return listed([one for one in store.all("price") if one["lookup_key"] in keys], "/v1/prices")

        def tax_rate(params: Params) -> Thing:
            params["percentage"] = float(params["percentage"])
            return store.add("txr", active=True, **params)

        self.on("POST", "/v1/products", product, id=needed(TEXT), name=needed(TEXT), metadata=WORDS)
        self.on(
            "POST", "/v1/prices", price, product=needed(TEXT), unit_amount=needed(NUMBER),
            currency=needed(TEXT), recurring=needed(group(interval=TEXT)), lookup_key=needed(TEXT),
            tax_behavior=one_of("exclusive"),
        )  # fmt: skip
        self.on("GET", "/v1/prices", prices, lookup_keys=needed(TEXTS), active=FLAG, **LISTING)
        self.on(
            "POST", "/v1/tax_rates", tax_rate, display_name=needed(TEXT), percentage=needed(TEXT),
            inclusive=needed(FLAG), metadata=WORDS,
        )  # fmt: skip
        self.on(
            "GET", "/v1/tax_rates", lambda _: listed(store.all("tax_rate"), "/v1/tax_rates"),
            active=FLAG, inclusive=FLAG, **LISTING,
        )  # fmt: skip

    def _payment_pages(self) -> None:
        store = self.store

        def create(params: Params) -> Thing:
            store.get("customer", params["customer"])
            session = store.add("cs", **{"status": "open", "setup_intent": None, "metadata": {}, **params})
            session["url"] = f"{store.base}/c/{session['id']}"
            return session

        self.on(
            "POST", "/v1/checkout/sessions", create, mode=needed(one_of("setup")), customer=needed(TEXT),
            success_url=needed(TEXT), cancel_url=needed(TEXT), payment_method_types=needed(TEXTS),
            locale=one_of(*LOCALES), metadata=WORDS,
        )  # fmt: skip
        self.on("GET", "/v1/checkout/sessions/ID", lambda name, _: store.get("checkout.session", name))
        self.on("GET", "/v1/setup_intents/ID", lambda name, _: store.get("setup_intent", name))
        self.on("GET", "/v1/payment_methods/ID", lambda name, _: store.get("payment_method", name))

    def _of_subscriptions(self) -> None:
        store, subscriptions = self.store, self.subscriptions

        def find(params: Params) -> Thing:
            found = store.all("subscription")
            if "customer" in params:
                found = [one for one in found if one["customer"] == params["customer"]]
            if params.get("status") != "all":
                found = [one for one in found if one["status"] != "canceled"]
            return paged(found, params, "/v1/subscriptions")

        self.on(
            "POST", "/v1/subscriptions", lambda params: subscriptions.create(params), customer=needed(TEXT),
            items=needed(ITEM), metadata=WORDS, default_tax_rates=TEXTS, off_session=FLAG,
            payment_behavior=needed(one_of("allow_incomplete")), default_payment_method=TEXT,
            billing_mode=needed(group(type=one_of("flexible"))),
        )  # fmt: skip
        self.on("GET", "/v1/subscriptions", find, customer=TEXT, status=one_of("all"), **LISTING)
        self.on("GET", "/v1/subscriptions/ID", lambda name, _: store.get("subscription", name))
        self.on(
            "POST", "/v1/subscriptions/ID",
            lambda name, params: subscriptions.update(store.get("subscription", name), params),
            items=CHANGED_ITEM, proration_behavior=PRORATION, proration_date=NUMBER, metadata=WORDS,
            payment_behavior=one_of("pending_if_incomplete", "allow_incomplete"), cancel_at_period_end=FLAG,
            default_tax_rates=TEXTS, default_payment_method=TEXT,
        )  # fmt: skip
        self.on(
            "DELETE", "/v1/subscriptions/ID",
            lambda name, params: subscriptions.cancel(store.get("subscription", name)),
        )  # fmt: skip

    def _of_invoices(self) -> None:
        store = self.store

        def find(params: Params) -> Thing:
            found = store.all("invoice")
            if "subscription" in params:
                name = params["subscription"]
                found = [one for one in found if of_subscription(one) == name]
            if "customer" in params:
                found = [one for one in found if one["customer"] == params["customer"]]
            return paged(found, params, "/v1/invoices")

        def pay(name: str, params: Params) -> Thing:
            invoice = store.get("invoice", name)
            if invoice["status"] != "open":
                raise Refused(
                    400, "invalid_request_error", "Invoice is already paid", code="invoice_already_paid"
                )
            subscription = store.get("subscription", of_subscription(invoice))
            outcome = self.subscriptions.collect(subscription, invoice)
            if outcome == "paid":
                return invoice
            code = "invoice_payment_intent_requires_action" if outcome == "action" else "card_declined"
            raise Refused(
                402, "card_error", "Your card was declined.", code=code, decline_code="generic_decline"
            )

        def void(name: str, params: Params) -> Thing:
            invoice = store.get("invoice", name)
            self.invoices.void(invoice)
            self.subscriptions.drop_pending(invoice)
            return invoice

        def credit(params: Params) -> Thing:
            invoice = store.get("invoice", params["invoice"])
            back = params.get("refund_amount", 0)
            if not 0 < params["amount"] <= invoice["total"] or back != params["amount"]:
                raise Refused(400, "invalid_request_error", "The sum of refund and amount must agree.")
            note = store.add("cn", number=f"{invoice['number']}-CN", total=params["amount"], **params)
            store.emit("credit_note.created", note)
            return note

        details = group(
            items=CHANGED_ITEM, proration_behavior=PRORATION, proration_date=NUMBER, default_tax_rates=TEXTS
        )
        self.on(
            "POST", "/v1/invoices/create_preview", lambda params: self.subscriptions.preview(params),
            customer=TEXT, subscription=TEXT, subscription_details=needed(details),
        )  # fmt: skip
        self.on("GET", "/v1/invoices", find, customer=TEXT, subscription=TEXT, **LISTING)
        self.on("GET", "/v1/invoices/ID", lambda name, _: store.get("invoice", name))
        self.on("POST", "/v1/invoices/ID/pay", pay, off_session=FLAG, payment_method=TEXT)
        self.on("POST", "/v1/invoices/ID/void", void)
        self.on(
            "POST", "/v1/credit_notes", credit, invoice=needed(TEXT), amount=needed(NUMBER),
            refund_amount=NUMBER, reason=one_of("order_change", "product_unsatisfactory"), memo=TEXT,
            metadata=WORDS,
        )  # fmt: skip


def of_subscription(invoice: Thing) -> str:
    name: str = invoice["parent"]["subscription_details"]["subscription"]
    return name


def paged(found: list[Thing], params: Params, url: str) -> Thing:
    return listed(found, url, limit=params.get("limit", 10), after=params.get("starting_after", ""))


def with_payments(answer: Thing, expand: list[str]) -> Thing:
    """An invoice tells its payments only to those who ask for them."""
    if answer["object"] == "invoice" and any(one.split(".")[0] == "payments" for one in expand):
        return {**answer, "payments": {"object": "list", "data": answer["_payments"], "has_more": False}}
    return answer


def shown(value: Any) -> Any:
    """Without what only the fake is to know."""
    if isinstance(value, dict):
        return {name: shown(one) for name, one in value.items() if not name.startswith("_")}
    if isinstance(value, list):
        return [shown(one) for one in value]
    return value
