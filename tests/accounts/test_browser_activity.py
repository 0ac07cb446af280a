import time

import pytest
from allauth.usersessions.models import UserSession

from accounts import middleware


@pytest.fixture
def clock(monkeypatch):
    """Turns the middleware's clock on by some seconds."""
    now = [time.time()]
    monkeypatch.setattr(middleware.time, "time", lambda: now[0])

    def advance(seconds):
        now[0] += seconds

    return advance


def writes(queries):
    return [query["sql"] for query in queries if query["sql"].startswith(("UPDATE", "INSERT"))]


def test_a_browser_writes_its_last_use_once_a_minute(provider, sign_in, clock, django_assert_max_num_queries):
    browser = sign_in(provider)
    browser.get("/accessibility/")
    first = UserSession.objects.get(user=provider).last_seen_at

    clock(59)
    with django_assert_max_num_queries(20) as captured:
        browser.get("/accessibility/")
    assert writes(captured.captured_queries) == []

    clock(1)
    browser.get("/accessibility/")
    assert UserSession.objects.get(user=provider).last_seen_at > first


def test_another_address_is_written_at_once(provider, sign_in):
    browser = sign_in(provider)
    browser.get("/accessibility/", REMOTE_ADDR="192.0.2.1")
    browser.get("/accessibility/", REMOTE_ADDR="192.0.2.2")
    assert UserSession.objects.get(user=provider).ip == "192.0.2.2"


def test_a_signed_out_visitor_leaves_no_row(client, db):
    client.get("/accessibility/")
    assert not UserSession.objects.exists()
