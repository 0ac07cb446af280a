"""Small charts as inline SVG: the geometry is made here, a template draws it."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

HEIGHT = 100
STEP = 10
BAR = 7
# A day without anything still shows as a line on the ground.
LOWEST = 1


@dataclass(frozen=True)
class Bar:
    """One day; `is_ahead` for days that have not come."""

    day: dt.date
    count: int
    x: int
    y: int
    height: int
    is_ahead: bool


@dataclass(frozen=True)
class DayBars:
    """A bar for each day, in a box of `width` times `height` units."""

    bars: list[Bar]
    width: int
    height: int

    @property
    def total(self) -> int:
        return sum(bar.count for bar in self.bars)

    @property
    def highest(self) -> Bar:
        """The first of the days with the most."""
        return max(self.bars, key=lambda bar: bar.count)

    @property
    def filled(self) -> list[Bar]:
        """The days on which there was something."""
        return [bar for bar in self.bars if bar.count]


def day_bars(counts: Mapping[dt.date, int], *, first: dt.date, last: dt.date, today: dt.date) -> DayBars:
    """Bars from `first` to `last`, both of them shown."""
    days = [first + dt.timedelta(days=number) for number in range((last - first).days + 1)]
    most = max([1, *(counts.get(day, 0) for day in days)])
    bars = []
    for number, day in enumerate(days):
        count = counts.get(day, 0)
        height = max(LOWEST, round(count / most * HEIGHT)) if count else LOWEST
        bars.append(Bar(day, count, number * STEP, HEIGHT - height, height, day > today))
    return DayBars(bars, len(days) * STEP - (STEP - BAR), HEIGHT)
