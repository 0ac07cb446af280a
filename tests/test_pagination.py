import datetime as dt

import pytest
from django.http import Http404
from django.test import RequestFactory
from django.utils import timezone

from accounts.models import Person
from medimic.pagination import page_of

pytestmark = pytest.mark.both

ORDER = ("-created_at", "-id")


@pytest.fixture
def people(db):
    """25 people, of whom five at a time were made in the same instant."""
    start = timezone.now()
    return Person.objects.bulk_create(
        Person(first_name=f"N{n:02}", last_name="Example", created_at=start - dt.timedelta(hours=n // 5))
        for n in range(25)
    )


def ask(query="", size=4):
    return page_of(Person.objects.all(), RequestFactory().get(f"/{query}"), order=ORDER, size=size)


def walk(url_name, query=""):
    page = ask(query)
    pages = [page.rows]
    while url := getattr(page, url_name):
        page = ask(url)
        pages.append(page.rows)
    return pages, page


def test_walking_forward_and_back_meets_every_row_once_in_order(people):
    expected = list(Person.objects.order_by(*ORDER))
    forward, last = walk("next_url")
    assert [row for page in forward for row in page] == expected

    backward, first = walk("previous_url", last.previous_url)
    assert [row for page in reversed(backward) for row in page] == expected[: len(expected) - len(last.rows)]
    assert first.previous_url is None


def test_first_page_has_no_previous_and_an_exact_last_page_no_next(people):
    page = ask(size=25)
    assert (page.previous_url, page.next_url) == (None, None)


def test_other_parameters_stay_in_the_address(people):
    assert ask("?status=active&after=").next_url.startswith("?status=active&after=")


@pytest.mark.parametrize(
    "cursor",
    ["x", "%00", "bnVsbA", "W10", "WzEsMl0", "e30", "WyIyMDI2IiwgIlx1MDAwMCJd", "A" * 600, "W251bGwsbnVsbF0"],
)
def test_mangled_cursor_is_not_found(people, cursor):
    for direction in ("after", "before"):
        with pytest.raises(Http404):
            ask(f"?{direction}={cursor}")


def test_page_takes_one_query_however_many_rows(people, django_assert_num_queries):
    for size in (5, 20):
        with django_assert_num_queries(1):
            ask(size=size)
