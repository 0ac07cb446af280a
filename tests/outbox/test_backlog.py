"""What waits is found along indexes, and so are a filter's choices."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from medimic.outbox import backlog
from medimic.outbox.models import Delivery

pytestmark = pytest.mark.django_db


def test_services_are_those_that_something_waits_for(put):
    for service in ("b", "a", "b", "sent"):
        put(service=service)
    done = {"state": "sent", "recipient": "", "body": "", "finished_at": "2026-01-01T00:00Z"}
    Delivery.objects.filter(service="sent").update(**done)
    assert backlog.services_waited_for("tests") == ["a", "b"]
    assert backlog.services_waited_for("elsewhere") == []
    assert backlog.values_of("service") == ["a", "b", "sent"]


def test_without_any_delivery_there_is_nothing(db):
    assert backlog.services_waited_for("tests") == backlog.values_of("kind") == []


@pytest.mark.skipif(connection.vendor != "sqlite", reason="a planner with so few rows would read them all")
@pytest.mark.parametrize(
    ("ask", "index"),
    [
        (lambda: backlog.services_waited_for("tests"), "delivery_next"),
        (lambda: list(backlog.due("tests", "tests").values_list("pk")), "delivery_next"),
        (lambda: backlog.values_of("kind"), "delivery_by_kind"),
        (lambda: backlog.values_of("service"), "delivery_by_service"),
        (lambda: backlog.values_of("channel"), "delivery_by_channel"),
    ],
)
def test_reads_an_index_and_no_table(put, ask, index):
    put()
    with CaptureQueriesContext(connection) as queries:
        ask()
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {queries[0]['sql']}")
        plan = " | ".join(row[3] for row in cursor.fetchall())
    assert f"INDEX {index}" in plan
    assert "SCAN outbox_delivery" not in plan.replace("SCAN outbox_delivery USING", "")
    assert "TEMP B-TREE" not in plan
