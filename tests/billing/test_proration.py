"""What falls on which days: every sum is exact, nothing is negative, no cent is lost."""

import datetime as dt
import itertools
import zoneinfo

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from billing import proration
from billing.catalogue import ENTERPRISE, TEAM
from billing.lines import net_of, tax_on
from billing.models import Subscription
from billing.periods import Period, months_after, period_containing

pytestmark = pytest.mark.once
UTC = dt.UTC
ZONES = [
    "UTC",
    "Europe/Warsaw",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
    "America/New_York",
    "Asia/Kolkata",
]

prices = st.integers(0, 10_000_000)
instants = st.builds(
    lambda seconds, zone: dt.datetime.fromtimestamp(seconds, zoneinfo.ZoneInfo(zone)),
    # 2019 to 2041.
    st.integers(1_546_300_800, 2_240_611_200),
    st.sampled_from(ZONES),
)
many = settings(max_examples=400, deadline=None)


def period_of(anchor: dt.datetime) -> Period:
    return period_containing(anchor, anchor)


def days_of(period: Period) -> list[dt.date]:
    first, last = period.first_day, period.last_day
    return [first + dt.timedelta(days=n) for n in range((last - first).days + 1)]


def subscription(price: int, seats: int, period: Period) -> Subscription:
    return Subscription(
        plan_code="team", price_minor=price, seats=seats, currency="EUR",
        period_start=period.start, period_end=period.end, anchor_at=period.start,
    )  # fmt: skip


class TestDays:
    @many
    @given(prices, instants)
    @example(1, dt.datetime(2024, 2, 29, 23, 59, tzinfo=UTC))
    @example(2900, dt.datetime(2026, 1, 31, tzinfo=UTC))
    def test_of_a_period_add_up_to_its_price(self, price, anchor):
        period = period_of(anchor)
        parts = [proration.share(price, period, day, day + dt.timedelta(days=1)) for day in days_of(period)]
        assert sum(parts) == price
        assert min(parts) >= 0
        # As even as whole cents allow.
        assert max(parts) - min(parts) <= 1

    @many
    @given(prices, instants, st.lists(st.integers(0, 31), max_size=6))
    def test_add_up_however_the_period_is_cut(self, price, anchor, cuts):
        period = period_of(anchor)
        days = days_of(period)
        edges = sorted({0, len(days), *(cut for cut in cuts if cut < len(days))})
        starts = [period.first_day + dt.timedelta(days=edge) for edge in edges]
        parts = [proration.share(price, period, start, end) for start, end in itertools.pairwise(starts)]
        assert sum(parts) == price

    @many
    @given(prices, prices, instants, st.integers(0, 40))
    def test_left_of_a_higher_price_never_cost_less(self, one, other, anchor, after):
        period = period_of(anchor)
        day = period.first_day + dt.timedelta(days=after)
        low, high = sorted((one, other))
        left = proration.remaining(low, period, day)
        assert 0 <= left <= proration.remaining(high, period, day)

    def test_outside_of_the_period_cost_nothing(self):
        period = period_of(dt.datetime(2026, 3, 10, tzinfo=UTC))
        assert proration.share(3000, period, dt.date(2026, 1, 1), dt.date(2026, 3, 10)) == 0
        assert proration.share(3000, period, dt.date(2026, 4, 10), dt.date(2026, 9, 1)) == 0


class TestChangesWithinAPeriod:
    @many
    @given(
        instants,
        st.integers(0, 500_000),
        st.integers(1, 60),
        st.lists(st.tuples(st.integers(0, 31), st.integers(0, 20), st.booleans()), max_size=5),
    )
    def test_charge_for_each_day_what_held_on_it(self, anchor, price, seats, changes):
        """Seats added and the plan upgraded on any days: all invoices together are the sum of the days."""
        period = period_of(anchor)
        days = days_of(period)
        current = subscription(price, seats, period)
        charged = net_of(proration.whole_period(TEAM, price, seats, period))
        totals = dict.fromkeys(days, price * seats)
        has_upgraded = False
        for after, added, upgrades in sorted(changes):
            assume(after < len(days))
            at = period.start + dt.timedelta(days=after, hours=13)
            if upgrades and not has_upgraded:
                new_price = current.price_minor + 1000
                lines = proration.upgrade(current, ENTERPRISE, new_price, at=at)
                current.plan_code, current.price_minor, has_upgraded = "enterprise", new_price, True
            else:
                lines = proration.more_seats(current, current.seats + added, at=at)
                current.seats += added
            assert net_of(lines) >= 0
            charged += net_of(lines)
            for day in days[after:]:
                totals[day] = current.price_minor * current.seats
        expected = sum(
            proration.share(total, period, day, day + dt.timedelta(days=1)) for day, total in totals.items()
        )
        assert charged == expected

    @many
    @given(prices, prices, instants, st.integers(0, 31), st.integers(1, 99))
    def test_an_upgrade_never_pays_out(self, agreed, new, anchor, after, seats):
        period = period_of(anchor)
        at = period.start + dt.timedelta(days=after)
        lines = proration.upgrade(subscription(agreed, seats, period), ENTERPRISE, new, at=at)
        assert net_of(lines) >= 0
        if new >= agreed and at < period.end:
            day = proration.day_of(at)
            assert net_of(lines) == proration.remaining(new * seats, period, day) - proration.remaining(
                agreed * seats, period, day
            )

    @many
    @given(st.integers(0, 99_999), instants, st.integers(1, 30), st.integers(1, 30), st.integers(0, 31))
    def test_seats_cost_the_same_one_by_one_and_together(self, price, anchor, seats, added, after):
        period = period_of(anchor)
        at = period.start + dt.timedelta(days=after)
        together = net_of(proration.more_seats(subscription(price, seats, period), seats + added, at=at))
        one_by_one = sum(
            net_of(proration.more_seats(subscription(price, seats + n, period), seats + n + 1, at=at))
            for n in range(added)
        )
        assert together == one_by_one


class TestPeriods:
    @many
    @given(instants)
    def test_follow_each_other_without_gap_or_overlap_for_ten_years(self, anchor):
        period = period_of(anchor)
        for month in range(1, 121):
            following = period_containing(period.end, anchor)
            assert following.start == period.end
            assert 28 <= (following.end - following.start).days <= 31
            midnight = anchor.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
            assert following.start == months_after(midnight, month)
            period = following

    @many
    @given(instants, instants)
    def test_hold_the_instant_that_they_are_asked_for_in_whatever_zone(self, instant, anchor):
        period = period_containing(instant, anchor)
        assert instant in period
        assert period == period_containing(instant.astimezone(UTC), anchor.astimezone(UTC))

    def test_of_a_leap_day_come_back_to_it(self):
        anchor = dt.datetime(2024, 2, 29, tzinfo=UTC)
        assert months_after(anchor, 12).date() == dt.date(2025, 2, 28)
        assert months_after(anchor, 48).date() == dt.date(2028, 2, 29)

    @pytest.mark.parametrize(
        ("moment", "day"),
        [
            # Still yesterday in UTC, already the next period for somebody in Auckland.
            ("2026-03-10T12:30+13:00", dt.date(2026, 3, 9)),
            ("2026-03-10T13:00+13:00", dt.date(2026, 3, 10)),
            ("2026-03-09T23:59-10:00", dt.date(2026, 3, 10)),
        ],
    )
    def test_begin_at_midnight_of_utc_wherever_somebody_is(self, moment, day):
        assert proration.day_of(dt.datetime.fromisoformat(moment)) == day


class TestTax:
    @many
    @given(st.integers(-10_000_000, 10_000_000), st.integers(0, 10_000))
    def test_is_the_nearest_cent_and_as_much_back_as_forth(self, net, rate):
        tax = tax_on(net, rate)
        assert abs(tax * 10_000 - net * rate) * 2 <= 10_000
        assert tax_on(-net, rate) == -tax

    @pytest.mark.parametrize(("net", "tax"), [(50, 0), (150, 2), (250, 2), (350, 4), (-150, -2)])
    def test_rounds_a_half_to_the_even_cent(self, net, tax):
        assert tax_on(net, 100) == tax
