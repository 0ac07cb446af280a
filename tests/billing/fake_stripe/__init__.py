"""A small Stripe on loopback, for the real SDK to speak to.

It knows the calls that the portal makes and no others: on any other call, parameter or
value it answers 500 and notes a complaint, which fails the test. What it does not prove
is said in docs/billing.md.
"""

import copy
import hmac
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.billing.fake_stripe.calls import Calls, shown
from tests.billing.fake_stripe.server import Server
from tests.billing.fake_stripe.store import Store, Thing
from tests.billing.fake_stripe.subscriptions import ENDED
from tests.billing.fake_stripe.wire import Params, Refused, Unknown

KEY = "sk_test_fake"
WEBHOOK_SECRET = "whsec_fake"


@dataclass
class Fault:
    """What goes wrong with the next calls that match: before anything happened, or after."""

    kind: str  # unavailable | limited | broken | hang | lose
    method: str
    path: str
    times: int
    after: int


@dataclass(frozen=True)
class Seen:
    """One call that arrived."""

    method: str
    path: str
    params: Params
    key: str


class FakeStripe:
    def __init__(self) -> None:
        self.store = Store()
        self.calls = Calls(self.store)
        self.complaints: list[str] = []
        self.seen: list[Seen] = []
        self.faults: list[Fault] = []
        self.lock = threading.RLock()
        self.let_go = threading.Event()
        self._kept: dict[str, tuple[tuple[str, str, str], tuple[int, Thing] | None]] = {}
        self._server = Server(self)
        self.store.base = self.url

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "FakeStripe":
        self._server.start()
        return self

    def __exit__(self, *args: object) -> None:
        self.let_go.set()
        self._server.stop()

    # --- What tests arrange -----------------------------------------------------------------

    def fail(self, kind: str, *, method: str = "", path: str = "", times: int = 1, after: int = 0) -> None:
        """Let calls whose path holds `path` fail, once so many of them have gone well: see `Fault`."""
        self.faults.append(Fault(kind, method, path, times, after))

    def heal(self) -> None:
        self.faults.clear()
        self.let_go.set()

    def card(self, customer: str, behaviour: str = "ok", *, last4: str = "4242") -> Thing:
        """A card of a customer: "ok", "declined", "insufficient", "action". Not the default by itself."""
        with self.lock:
            return self.store.add(
                "pm",
                customer=customer,
                type="card",
                card={"brand": "visa", "last4": last4, "exp_month": 12, "exp_year": 2030},
                _behaviour=behaviour,
            )

    def behave(self, behaviour: str) -> None:
        """Let every card behave so from now on."""
        with self.lock:
            for card in self.store.all("payment_method"):
                card["_behaviour"] = behaviour

    def complete_checkout(self, session: str, behaviour: str = "ok", *, last4: str = "4242") -> str:
        """What a person does on the hosted page; the address that they are sent back to."""
        with self.lock:
            found = self.store.get("checkout.session", session)
            card = self.card(found["customer"], behaviour, last4=last4)
            intent = self.store.add(
                "seti", status="succeeded", payment_method=card["id"], customer=found["customer"]
            )
            found.update(status="complete", setup_intent=intent["id"])
            self.store.emit("checkout.session.completed", found)
            address: str = found["success_url"].replace("{CHECKOUT_SESSION_ID}", session)
            return address

    def confirm(self, invoice: str) -> None:
        """What a person does on the hosted page of an invoice whose payment their bank asks about."""
        with self.lock:
            found = self.store.get("invoice", invoice)
            named = found["parent"]["subscription_details"]["subscription"]
            self.calls.subscriptions.collect(self.store.get("subscription", named), found, confirmed=True)

    def turn_clock(self, instant: Any) -> None:
        """Go to an instant, renewing what falls due on the way, each at its own."""
        target = int(instant.timestamp())
        with self.lock:
            while due := self._next_due(target):
                end, subscription = due
                self.store.turned_to = end
                self.calls.subscriptions.renew(subscription)
            self.store.turned_to = target

    def _next_due(self, target: int) -> tuple[int, Thing] | None:
        due = [
            (one["items"]["data"][0]["current_period_end"], one)
            for one in self.store.all("subscription")
            if one["status"] not in (*ENDED, "incomplete")
        ]
        due = [(end, one) for end, one in due if end <= target]
        return min(due, key=lambda pair: (pair[0], pair[1]["id"])) if due else None

    # --- What tests look at -----------------------------------------------------------------

    def posted(self, path: str) -> list[Seen]:
        """The calls that meant to change something, by path."""
        return [one for one in self.seen if one.method != "GET" and one.path == path]

    def of(self, kind: str) -> list[Thing]:
        with self.lock:
            return copy.deepcopy(self.store.all(kind))

    def taken(self) -> int:
        """All the money that was taken, in minor units."""
        return sum(one["amount_paid"] for one in self.of("invoice"))

    # --- Events -----------------------------------------------------------------------------

    def events(self, *kinds: str) -> list[Thing]:
        with self.lock:
            found = [one for one in self.store.events if not kinds or one["type"] in kinds]
            return copy.deepcopy(found)

    @staticmethod
    def signed(event: Thing, *, secret: str = WEBHOOK_SECRET, at: float | None = None) -> tuple[bytes, str]:
        """An event's body and the header that goes with it."""
        body = json.dumps(shown(event), indent=2).encode()
        stamp = int(time.time() if at is None else at)
        code = hmac.new(secret.encode(), f"{stamp}.".encode() + body, "sha256").hexdigest()
        return body, f"t={stamp},v1={code}"

    # --- Calls ------------------------------------------------------------------------------

    def answer(
        self, method: str, path: str, raw: str, key: str, decode: Callable[[str], Params]
    ) -> tuple[int, Thing]:
        """The answer to one call; twice the same under one idempotency key."""
        with self.lock:
            asked = (method, path, raw)
            if key and key in self._kept:
                before, answer = self._kept[key]
                if before != asked:
                    return 400, {
                        "error": {"type": "idempotency_error", "message": "Keys are for one request."}
                    }
                if answer is not None:
                    return answer
            try:
                params = decode(raw)
                self.seen.append(Seen(method, path, params, key))
                answer = 200, self.calls.answer(method, path, params)
            except Refused as refused:
                answer = refused.status, refused.body
            except Unknown as unknown:
                return self.complain(str(unknown))
            if key:
                self._kept[key] = (asked, answer)
            return answer

    def complain(self, about: str) -> tuple[int, Thing]:
        self.complaints.append(about)
        return 500, {"error": {"type": "api_error", "message": f"The fake does not know: {about}"}}

    def fault_for(self, method: str, path: str) -> str:
        with self.lock:
            for fault in self.faults:
                if not fault.times or fault.method not in ("", method) or fault.path not in path:
                    continue
                if fault.after:
                    fault.after -= 1
                    continue
                fault.times -= 1
                return fault.kind
        return ""
