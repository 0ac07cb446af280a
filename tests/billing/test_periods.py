import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.periods import months_after, period_containing

instants = st.integers(0, 4_000_000_000).map(lambda seconds: dt.datetime.fromtimestamp(seconds, dt.UTC))


def utc(*parts) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("months", "expected"),
    [(1, utc(2026, 2, 28, 9)), (2, utc(2026, 3, 31, 9)), (3, utc(2026, 4, 30, 9)), (25, utc(2028, 2, 29, 9))],
)
def test_thirty_first_falls_on_last_day_of_shorter_months_and_comes_back(months, expected):
    assert months_after(utc(2026, 1, 31, 9), months) == expected


def test_periods_begin_at_midnight_whatever_the_anchor_s_time():
    anchor = utc(2026, 1, 31, 9, 30)
    assert period_containing(utc(2026, 1, 31, 0), anchor).start == utc(2026, 1, 31)
    assert period_containing(utc(2026, 2, 27, 23, 59, 59), anchor).start == utc(2026, 1, 31)
    assert period_containing(utc(2026, 2, 28), anchor).start == utc(2026, 2, 28)


def test_last_day_is_the_one_before_the_renewal():
    period = period_containing(utc(2026, 2, 1), utc(2026, 1, 31, 9))
    assert (period.first_day, period.last_day) == (dt.date(2026, 1, 31), dt.date(2026, 2, 27))
    assert period.end == utc(2026, 2, 28)


def test_other_time_zones_are_counted_in_utc():
    tokyo = dt.timezone(dt.timedelta(hours=9))
    period = period_containing(dt.datetime(2026, 3, 1, 8, tzinfo=tokyo), utc(2026, 1, 1))
    assert period.start == utc(2026, 2, 1)


@given(instant=instants, anchor=instants)
def test_periods_hold_their_instant_and_follow_each_other_without_gap(instant, anchor):
    period = period_containing(instant, anchor)
    assert period.start <= instant < period.end
    assert period_containing(period.end, anchor).start == period.end
    assert period_containing(period.end - dt.timedelta(microseconds=1), anchor) == period
