"""Everything that the fake keeps: objects by id, its clock, and the events that it would send."""

import calendar
import copy
import datetime as dt
import itertools
import time
from typing import Any

from tests.billing.fake_stripe.wire import Unknown, missing

Thing = dict[str, Any]

VERSION = "2026-10-28.endive"
KINDS = {
    "cus": "customer", "prod": "product", "price": "price", "txr": "tax_rate", "pm": "payment_method",
    "seti": "setup_intent", "cs": "checkout.session", "sub": "subscription", "si": "subscription_item",
    "in": "invoice", "il": "line_item", "pi": "payment_intent", "inpay": "invoice_payment", "evt": "event",
    "cn": "credit_note",
}  # fmt: skip


class Store:
    """The account's objects. Ids count up, so that a failing test reads the same each time."""

    def __init__(self) -> None:
        self.things: dict[str, Thing] = {}
        self.events: list[Thing] = []
        self.turned_to: int | None = None
        self.base = ""
        self._numbers = itertools.count(1)

    @property
    def now(self) -> int:
        return int(time.time()) if self.turned_to is None else self.turned_to

    def add(self, prefix: str, *, id: str = "", **fields: Any) -> Thing:
        kind = KINDS[prefix]
        thing = {
            "id": id or f"{prefix}_{'test_' if prefix == 'cs' else ''}{next(self._numbers):06d}",
            "object": kind,
            "created": self.now,
            "livemode": False,
            **fields,
        }
        self.things[thing["id"]] = thing
        return thing

    def get(self, kind: str, name: str) -> Thing:
        found = self.things.get(name)
        if found is None or found["object"] != kind:
            raise missing(kind, name)
        return found

    def all(self, kind: str) -> list[Thing]:
        """Newest first, as Stripe lists."""
        return [thing for thing in reversed(self.things.values()) if thing["object"] == kind]

    def emit(self, type: str, thing: Thing) -> Thing:
        """Note an event. Tests deliver it, in whatever order and as often as they want."""
        event = self.add(
            "evt",
            type=type,
            api_version=VERSION,
            data={"object": copy.deepcopy(thing)},
            pending_webhooks=1,
            request={"id": None, "idempotency_key": None},
        )
        self.events.append(event)
        return event

    def expanded(self, thing: Thing, paths: list[str]) -> Thing:
        """A copy with the ids at these paths replaced by what they name."""
        found = copy.deepcopy(thing)
        for path in paths:
            if path.count(".") > 3:
                raise Unknown(f"expand {path}: at most four levels")
            self._expand(found, path.split("."), path)
        return found

    def _expand(self, place: Any, steps: list[str], path: str) -> None:
        if isinstance(place, list):
            for one in place:
                self._expand(one, steps, path)
            return
        step, following = steps[0], steps[1:]
        if not isinstance(place, dict) or step not in place:
            raise Unknown(f"expand {path}")
        if isinstance(place[step], str) and place[step] in self.things:
            place[step] = copy.deepcopy(self.things[place[step]])
        if following and place[step] is not None:
            self._expand(place[step], following, path)


def month_after(anchor: int, months: int) -> int:
    """The anchor's day and time so many months later, or that month's last day."""
    start = dt.datetime.fromtimestamp(anchor, dt.UTC)
    years, month = divmod(start.month - 1 + months, 12)
    year, month = start.year + years, month + 1
    day = min(start.day, calendar.monthrange(year, month)[1])
    return int(start.replace(year=year, month=month, day=day).timestamp())


def listed(things: list[Thing], url: str, *, limit: int = 10, after: str = "") -> Thing:
    if after:
        place = [thing["id"] for thing in things].index(after)
        things = things[place + 1 :]
    return {"object": "list", "url": url, "has_more": len(things) > limit, "data": things[:limit]}


def rounded(numerator: int, denominator: int) -> int:
    """The nearest whole number; halves go up, away from zero for what is owed."""
    return (2 * numerator + denominator) // (2 * denominator)
