import datetime as dt

import pytest
from django.utils import translation

from medimic.formatting import Dates

INSTANT = dt.datetime(2026, 3, 1, 23, 30, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("locale", "zone", "date_time"),
    [
        ("en_GB", "UTC", "1 Mar 2026, 23:30"),
        ("en_US", "America/New_York", "Mar 1, 2026, 6:30\u202fPM"),
        ("pl_PL", "Europe/Warsaw", "2 mar 2026, 00:30"),
        ("de_DE", "Europe/Berlin", "02.03.2026, 00:30"),
    ],
)
def test_date_time_has_the_form_of_the_locale_and_the_readers_zone(locale, zone, date_time):
    assert Dates(locale, zone).date_time(INSTANT) == date_time


@pytest.mark.parametrize(
    ("language", "words"), [("en", "3 hours ago"), ("pl", "3 godziny temu"), ("de", "vor 3 Stunden")]
)
def test_relative_time_has_the_words_of_the_language(language, words):
    with translation.override(language):
        dates = Dates("en_GB", "UTC", now=INSTANT + dt.timedelta(hours=3))
        assert dates.relative(INSTANT) == words


def test_one_minute_is_formatted_once():
    dates = Dates("en_GB", "UTC")
    first = dates.date_time(INSTANT)
    assert dates.date_time(INSTANT + dt.timedelta(seconds=40)) is first
