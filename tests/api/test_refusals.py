"""What every call of the API answers to requests that are wrong in themselves."""

import json
import logging
import re

import pytest
from django.db import OperationalError

from medimic.api import api, docs

CALLS = [
    (call.method, re.sub(r"{\w+_id}", "5f0c3a55-6d1b-4a52-9c43-6f6a3f2f0d10", call.path))
    for call in docs.calls(api.description_schema)
]
WITH_BODY = [(m, path) for m, path in CALLS if m in ("POST", "PATCH", "PUT") and not path.endswith("/end")]
LOGIN = "/api/device-login"

pytestmark = pytest.mark.django_db


def is_problem(response, status, code):
    document = json.loads(response.content)
    assert (response.status_code, document["code"]) == (status, code), document
    assert response["Content-Type"] == "application/problem+json"
    assert document["status"] == status
    assert document["type"] == f"/api/docs#{code}"
    assert "no-store" in response["Cache-Control"]
    return document


@pytest.mark.parametrize("body", [b"{", b"", b"\xff\xfe", b"{'a': 1}", b'{"a": NaN}', b"[" * 100_000])
def test_what_is_not_json_is_a_problem(client, body):
    response = client.post(LOGIN, body, content_type="application/json")
    is_problem(response, *((422, "invalid_content") if body == b"" else (400, "malformed_json")))


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml"]
)
def test_another_type_is_refused(client, content_type):
    is_problem(client.post(LOGIN, b"{}", content_type=content_type), 415, "unsupported_type")


def test_errors_name_members_and_repeat_nothing(client):
    body = {"token": 7, "device": {"device_id": "planted-secret", "os_version": "a\0b"}, "other": 1}
    response = client.post(LOGIN, body, content_type="application/json")
    document = is_problem(response, 422, "invalid_content")
    fields = {error["field"]: error["code"] for error in document["errors"]}
    assert fields["token"] == "string_type"
    assert fields["other"] == "extra_forbidden"
    assert fields["device.model"] == "missing"
    assert b"planted-secret" not in response.content


def test_a_huge_body_is_refused(client, settings):
    body = b'"' + b"a" * settings.DATA_UPLOAD_MAX_MEMORY_SIZE + b'"'
    is_problem(client.post(LOGIN, body, content_type="application/json"), 413, "body_too_large")


def test_a_huge_body_is_refused_by_its_length_alone(client, settings):
    length = str(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
    response = client.post(LOGIN, b"{}", content_type="application/json", CONTENT_LENGTH=length)
    is_problem(response, 413, "body_too_large")


def test_a_body_in_chunks_is_refused(client):
    response = client.generic(
        "POST", LOGIN, b"", content_type="application/json", HTTP_TRANSFER_ENCODING="chunked"
    )
    is_problem(response, 411, "length_required")


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_a_wrong_method_is_told_the_right_ones(client, method, path):
    response = client.generic("TRACE", path)
    is_problem(response, 405, "method_not_allowed")
    assert method in response["Allow"]


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_options_names_the_methods(client, method, path):
    response = client.options(path)
    assert (response.status_code, response.content) == (204, b"")
    assert method in response["Allow"]


@pytest.mark.parametrize("path", ["/api/device", "/api/openapi.json"])
def test_head_is_get_without_a_body(client, path):
    head, got = client.head(path), client.get(path)
    assert (head.status_code, head.content) == (got.status_code, b"")
    assert head["Content-Type"] == got["Content-Type"]


@pytest.mark.parametrize(
    "path", ["/api/", "/api/nothing", "/api/sessions/", "/api/device/", "/api/sessions/x"]
)
def test_an_unknown_address_is_a_problem(client, path):
    path = f"/api/{path}"
    is_problem(client.get(path), 404, "not_found")
    is_problem(client.post(path, {}, content_type="application/json"), 404, "not_found")


@pytest.mark.parametrize(("method", "path"), [call for call in CALLS if call[0] == "GET"])
def test_reading_needs_a_sign_in(client, method, path):
    response = client.get(path)
    document = json.loads(response.content)
    assert (response.status_code, document["code"]) in [(401, "token_missing"), (401, "not_signed_in")]
    assert document["code"] in response["WWW-Authenticate"]


@pytest.mark.parametrize("bearer", ["x", "é", "a b", "\0", "Bearer", "x" * 10_000])
def test_a_wrong_token_is_unknown(client, bearer):
    response = client.get("/api/device", HTTP_AUTHORIZATION=f"Bearer {bearer}")
    is_problem(response, 401, "token_unknown")


@pytest.fixture
def broken(monkeypatch):
    """Makes `GET /api/device` raise something."""

    def breaks(error):
        def authenticate(self, request, token):
            raise error

        monkeypatch.setattr("devices.auth.TokenAuth.authenticate", authenticate)

    return breaks


def test_a_fault_is_a_problem_and_is_logged(client, broken, caplog):
    broken(RuntimeError("planted-secret"))
    with caplog.at_level(logging.ERROR, "medimic.api"):
        response = client.get("/api/device")
    is_problem(response, 500, "internal_error")
    assert b"planted-secret" not in response.content
    assert "planted-secret" in caplog.text


def test_an_absent_database_is_unavailable(client, broken):
    broken(OperationalError("gone"))
    response = client.get("/api/device")
    is_problem(response, 503, "unavailable")
    assert response["Retry-After"]


def test_the_cookie_alone_changes_nothing(provider):
    from django.test import Client

    browser = Client(enforce_csrf_checks=True)
    browser.force_login(provider)
    response = browser.post("/api/device-register", {}, content_type="application/json")
    is_problem(response, 403, "csrf_failed")
