"""The log of production: JSON, with the request's id, and without what is personal or opens something."""

import io
import json
import logging
import sys

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction
from django.test import Client

from medimic.log_lines import JsonLine, WithoutSecrets, redacted
from medimic.middleware import log_requests
from tests import production

PLANTED = "Jadwiga Testplanter"
EMAIL = "jadwiga.planted@people.example"
TOKEN = "pLaNtEdToKeN0123456789abcdefghijklmnopqrstu"


@pytest.fixture
def log(monkeypatch):
    """What production would write while a test runs."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLine())
    handler.addFilter(WithoutSecrets())
    root = logging.getLogger()
    names = ("", "django", "medimic")
    before = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.INFO)
    root.addHandler(handler)
    yield stream
    root.removeHandler(handler)
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


def lines(stream) -> list[dict]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path",
    [
        f"/no/such/page/{TOKEN}/?email={EMAIL}",
        f"/join/{TOKEN}/?name={PLANTED}",
        f"/invitations/{TOKEN}/",
        f"/api/devices/{TOKEN}?q={EMAIL}",
        f"/{EMAIL}/",
        f"/accounts/password/reset/key/1-{TOKEN}/",
    ],
)
def test_a_refused_address_leaves_nothing_that_stood_in_it(log, path):
    Client(headers={"user-agent": PLANTED, "referer": f"https://x.example/?{EMAIL}"}).get(path)
    for planted in (PLANTED, EMAIL, TOKEN, "Jadwiga", "?"):
        assert planted not in log.getvalue()


@pytest.mark.django_db
def test_a_refused_request_is_told_by_its_route_and_id(log):
    answer = Client(enforce_csrf_checks=True).post("/accounts/login/", {"login": EMAIL, "password": TOKEN})
    assert answer.status_code == 403
    [line] = [line for line in lines(log) if line["level"] == "WARNING"]
    assert line["message"] == "POST /accounts/login/ 403"
    assert line["request_id"] == answer["X-Request-ID"]
    assert {"time", "level", "logger", "process"} <= line.keys()


@pytest.mark.django_db
def test_an_exception_is_told_without_what_it_says(log, monkeypatch):
    people = get_user_model().objects

    def fail():
        # The database quotes the row that it refuses.
        try:
            with transaction.atomic():
                people.create_user(EMAIL, first_name=PLANTED, last_name="One")
                people.create_user(EMAIL, first_name=PLANTED, last_name="Two")
        except IntegrityError as error:
            raise RuntimeError(f"{PLANTED} {EMAIL} {TOKEN}") from error

    monkeypatch.setattr("medimic.pages.timezone.now", fail)
    answer = Client(raise_request_exception=False).get(f"/.well-known/security.txt?token={TOKEN}")
    assert answer.status_code == 500
    [line] = [line for line in lines(log) if "exception" in line]
    assert line["exception"]["kind"] == "builtins.RuntimeError"
    assert line["exception"]["because"]["kind"] == "django.db.utils.IntegrityError"
    assert any(place.endswith(" security_txt") for place in line["exception"]["at"])
    assert line["request_id"] == answer["X-Request-ID"]
    for planted in (PLANTED, EMAIL, TOKEN):
        assert planted not in log.getvalue()


def test_text_is_written_without_addresses_queries_and_tokens():
    told = redacted(f"sent to {EMAIL}: https://x.example/a?b={PLANTED} with {TOKEN}\nnext")
    assert told == "sent to …: https://x.example/a… Testplanter with … next"


@pytest.mark.parametrize(
    "kept", ["11111111-2222-4333-8444-555555555555", "0" * 32, "sessions_app.announce_expiry_of_visits"]
)
def test_ids_and_names_of_jobs_stay(kept):
    assert redacted(f"job {kept} failed") == f"job {kept} failed"


def test_a_line_is_one_line_whatever_it_holds():
    record = logging.LogRecord("x", logging.ERROR, "", 0, "a\nb\r\n{%s}", ("c\u2028",), None)
    line = JsonLine().format(record)
    assert len(line.splitlines()) == 1
    assert json.loads(line)["message"] == "a b {c }"


def test_an_exception_that_has_gone_is_no_exception():
    record = logging.LogRecord("x", logging.ERROR, "", 0, "a", None, (None, None, None))
    assert "exception" not in json.loads(JsonLine().format(record))
    try:
        raise KeyError(EMAIL)
    except KeyError:
        record.exc_info = sys.exc_info()
    assert json.loads(JsonLine().format(record))["exception"]["kind"] == "builtins.KeyError"


@pytest.mark.django_db
def test_each_answer_has_its_line_where_machines_read_them(log, settings, rf):
    settings.LOG_REQUESTS = True
    settings.MIDDLEWARE = ["medimic.request_ids.middleware", "medimic.middleware.log_requests"]
    answer = Client().get(f"/healthz?token={TOKEN}")
    [line] = lines(log)
    assert line["logger"] == "medimic.requests"
    assert (line["method"], line["route"], line["status"]) == ("GET", "healthz", 200)
    assert line["milliseconds"] >= 0
    assert line["request_id"] == answer["X-Request-ID"]


def test_and_none_where_people_read_it(settings):
    from django.core.exceptions import MiddlewareNotUsed

    settings.LOG_REQUESTS = False
    with pytest.raises(MiddlewareNotUsed):
        log_requests(lambda request: None)


@pytest.mark.once
def test_production_writes_json():
    import subprocess

    code = (
        "import django, logging; django.setup();"
        f"logging.getLogger('gunicorn.error').error('to %s', '{EMAIL}')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=production.environment(), capture_output=True, text=True, timeout=60
    )
    line = json.loads(done.stderr)
    assert (line["logger"], line["message"]) == ("gunicorn.error", "to …")
