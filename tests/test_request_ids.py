"""Every answer has an id, and what a person reports by it is found in the log."""

import re

import pytest
from django.test import Client

from medimic import request_ids

ID = re.compile(r"^[0-9a-f]{32}$")


def test_every_answer_has_one_of_its_own(client):
    names = {client.get("/healthz")["X-Request-ID"] for _ in range(5)}
    assert len(names) == 5
    assert all(ID.match(name) for name in names)


@pytest.mark.parametrize("header", ["X-Request-ID", "X-Request-Id", "Request-Id", "X-Correlation-ID"])
def test_what_a_caller_sends_as_one_is_ignored(client, header):
    sent = "a" * 32
    answer = client.get("/healthz", headers={header: sent})
    assert ID.match(answer["X-Request-ID"])
    assert answer["X-Request-ID"] != sent


def test_a_problem_document_names_it(client, db):
    answer = client.get("/api/nothing-of-that-kind")
    assert answer.json()["request_id"] == answer["X-Request-ID"]


def test_a_page_of_an_error_names_it(client, db):
    answer = client.get("/no/such/page/")
    assert answer.status_code == 404
    assert f"<code>{answer['X-Request-ID']}</code>" in answer.text


def test_a_failure_names_it(client, db, monkeypatch):
    def fail(request):
        raise RuntimeError("broken")

    monkeypatch.setattr("medimic.pages.timezone.now", lambda: fail(None))
    answer = Client(raise_request_exception=False).get("/.well-known/security.txt")
    assert answer.status_code == 500
    assert f"<code>{answer['X-Request-ID']}</code>" in answer.text


def test_a_refused_host_gets_one_too(client):
    answer = client.get("/", headers={"host": "evil.example"})
    assert answer.status_code == 400
    assert answer["X-Request-ID"] in answer.text


def test_nothing_of_it_is_left_after_the_answer(client):
    client.get("/healthz")
    assert request_ids.current() == ""
