"""What must be in the log is, and what must never be in it is not."""

import base64
import json
import urllib.parse

import pytest
from django.core.cache import cache
from django.db import OperationalError
from django.test import Client

from devices.models import DeviceAuthorization
from medimic.audit.middleware import MOST
from medimic.audit.models import AuditEvent
from tests import cast
from tests.devices.kit import link_for, push, sign_in_device
from tests.orgs import kit

pytestmark = pytest.mark.django_db


def kinds(person) -> list[str]:
    return list(
        AuditEvent.objects.filter(person_id=person.pk).order_by("created_at").values_list("kind", flat=True)
    )


class TestDenials:
    def test_are_noted_by_the_route_and_not_by_the_address(self, provider, clinic, sign_in):
        client = sign_in(provider)
        assert client.get(kit.home(clinic, "audit/"), {"person": "PLANTED"}).status_code == 403
        [event] = kit.events("audit.access_denied")
        assert (event.person_id, event.actor_id) == (provider.pk, provider.pk)
        assert json.loads(event.details) == {"route": "organizations/<slug:slug>/audit/", "method": "GET"}
        assert "Was refused access" in client.get("/settings/activity/").content.decode()

    def test_of_nobody_are_not(self, client, clinic):
        client.get("/admin/")
        client.post("/accounts/logout/")
        assert kit.events("audit.access_denied") == []

    def test_fill_the_log_only_so_far(self, provider, clinic, sign_in):
        cache.clear()
        client = sign_in(provider)
        for _ in range(MOST + 3):
            assert client.get(kit.home(clinic, "audit/")).status_code == 403
        assert len(kit.events("audit.access_denied")) == MOST

    def test_stand_though_they_cannot_be_noted(self, provider, clinic, sign_in, monkeypatch):
        def away(*args, **kwargs):
            raise OperationalError

        monkeypatch.setattr("medimic.audit.middleware.record", away)
        assert sign_in(provider).get(kit.home(clinic, "audit/")).status_code == 403


def test_failed_sign_ins_are_in_it(provider, client):
    client.post("/accounts/login/", {"login": provider.email, "password": "PLANTED-wrong-password"})
    assert kinds(provider) == ["accounts.sign_in_failed"]


def forms(text: str) -> list[str]:
    """The text in the forms in which it might have been written."""
    raw = text.encode()
    return [
        text,
        raw.hex(),
        base64.b64encode(raw).decode().rstrip("="),
        base64.urlsafe_b64encode(raw).decode().rstrip("="),
        urllib.parse.quote(text, safe=""),
    ]


def test_no_secret_code_token_or_clinical_text_is_in_it(outsider, client, clinic, admin):
    """People do much, and what must stay out is then looked for in every column."""
    cache.clear()
    planted = [cast.PASSWORD, "PLANTED wrong password", "PLANTED chest pain", "PLANTED-push-token"]
    client.post("/accounts/login/", {"login": outsider.email, "password": planted[1]})
    client.post("/accounts/login/", {"login": outsider.email, "password": cast.PASSWORD})
    client.post("/accounts/password/reset/", {"email": outsider.email})
    client.post("/settings/", {"first_name": "Olga", "last_name": "PLANTED"})
    recent = kit.signed_in_just_now(outsider)
    recent.post("/sessions/new/", {"name": planted[2], "mode": "shared_device"})
    recent.get("/sessions/", {"q": planted[2]})
    recent.get("/sessions/export/", {"q": planted[2]})
    recent.get("/settings/activity/", {"q": planted[2]})
    recent.get("/settings/activity/export/", {"q": planted[2]})
    invitation = kit.invite(clinic, "new@people.example", admin)
    token = kit.mailed_token()
    Client().get(f"/invitations/{token}/")
    colleague = cast.make_person("Phone", "Owner")
    link = link_for(colleague)
    phone = cast.make_person("Other", "Owner")
    answer = sign_in_device(phone, push=push(planted[3]))
    secrets = [*planted, token, link.link.partition("payload=")[2], *_tokens(answer)]
    assert len(secrets) >= 8
    assert DeviceAuthorization.objects.exists()
    assert invitation.pk

    columns = [field.attname for field in AuditEvent._meta.fields if field.attname not in ("salt", "mac")]
    log = "\n".join(" ".join(map(str, row)) for row in AuditEvent.objects.values_list(*columns))
    assert {"accounts.sign_in_failed", "orgs.invited", "sessions.exported"} <= set(
        AuditEvent.objects.values_list("kind", flat=True)
    )
    found = [secret for secret in secrets for form in forms(secret) if form in log]
    assert found == []


def _tokens(answer) -> list[str]:
    """Every long text among the tokens that a device was given."""
    values = [getattr(answer.tokens, name) for name in dir(answer.tokens) if not name.startswith("_")]
    return [value for value in values if isinstance(value, str) and len(value) > 20]
