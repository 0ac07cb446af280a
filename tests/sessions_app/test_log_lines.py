"""The log of refused requests: which page it was, and never what opens something."""

import io
import logging

import pytest
from django.test import Client

from medimic.log_lines import WithoutSecrets

pytestmark = pytest.mark.django_db


@pytest.fixture
def log(monkeypatch, caplog):
    caplog.set_level(logging.WARNING, "django")
    handler = next(
        one for one in logging.getLogger().handlers if any(isinstance(f, WithoutSecrets) for f in one.filters)
    )
    stream = io.StringIO()
    monkeypatch.setattr(handler, "stream", stream)
    return stream


@pytest.mark.parametrize("path", ["join/K7M9PQ", "sessions/invitations/a-token-of-somebody"])
def test_a_refused_request_is_logged_without_its_code_or_token(log, path):
    secret = path.rpartition("/")[2]
    refused = Client().post(
        f"/{path}/", {"code": "K7M9PQ", "name": "J", "role": "patient", "key_commitment": "A" * 43}
    )
    assert refused.status_code == 404
    Client(enforce_csrf_checks=True).post(f"/{path}/")
    lines = log.getvalue().splitlines()
    assert len(lines) == 2
    assert all("/…/" in line for line in lines)
    assert secret not in log.getvalue()
