"""What an invoice is made of before it is one: lines, and what they come to with tax."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from billing.models import LineKind


@dataclass(frozen=True)
class Line:
    """One line to be charged, without tax. Days run from `start` up to and without `end`.

    `amount_minor` counts; `unit_minor` is the price of one whole period of one of `quantity`.
    """

    kind: LineKind
    amount_minor: int
    unit_minor: int
    quantity: int = 1
    start: dt.date | None = None
    end: dt.date | None = None
    data: dict[str, Any] = field(default_factory=dict)


def net_of(lines: Iterable[Line]) -> int:
    return sum(line.amount_minor for line in lines)


def tax_on(net_minor: int, basis_points: int) -> int:
    """The tax on an amount, rounded to a whole minor unit, halves to the even one.

    The same size for an amount and for its negative.
    """
    whole, rest = divmod(abs(net_minor) * basis_points, 10_000)
    if rest * 2 > 10_000 or (rest * 2 == 10_000 and whole % 2):
        whole += 1
    return whole if net_minor >= 0 else -whole
