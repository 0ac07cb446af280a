"""What the tests of accounts share: real sign-ins, an authenticator app, the mails and the log."""

import re
from types import SimpleNamespace

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth as totp
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from accounts.models import Person
from medimic.audit.models import AuditEvent
from medimic.outbox.models import Delivery
from tests.cast import PASSWORD


@pytest.fixture(autouse=True)
def _fresh_limits(db):
    """Limits and used codes live in the cache, which outlasts a test of transactions."""
    cache.clear()


class Authenticator:
    """A phone with an authenticator app. `code()` is a new one each time, as if half a minute passed."""

    def __init__(self, clock: SimpleNamespace) -> None:
        self.clock = clock
        self.secret = totp.generate_totp_secret()

    def code(self) -> str:
        self.clock.now += 30
        return totp.format_hotp_value(totp.hotp_value(self.secret, int(self.clock.now) // 30))


@pytest.fixture
def clock(monkeypatch):
    """The time that codes are made from, and it alone."""
    clock = SimpleNamespace(now=1_790_000_000)
    monkeypatch.setattr(totp, "time", SimpleNamespace(time=lambda: clock.now))
    return clock


@pytest.fixture
def enrol(clock):
    """`enrol(person)` gives them an authenticator app with recovery codes, and returns the app."""

    def give(person: Person) -> Authenticator:
        app = Authenticator(clock)
        totp.TOTP.activate(person, app.secret)
        RecoveryCodes.activate(person)
        return app

    return give


@pytest.fixture
def log_in():
    """`log_in(person)` signs in through the page, with the password, and a code if there is an app."""

    def through_the_page(person: Person, app: Authenticator | None = None, **fields) -> Client:
        client = Client(headers={"user-agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"})
        response = client.post(
            reverse("account_login"), {"login": person.email, "password": PASSWORD, **fields}
        )
        if app is not None:
            assert response.url == reverse("mfa_authenticate")
            response = client.post(response.url, {"code": app.code()})
        assert response.status_code == 302, response.content.decode()
        return client

    return through_the_page


def is_signed_in(client: Client) -> bool:
    return client.get(reverse("security")).status_code == 200


def kinds(person: Person) -> list[str]:
    """What the person's log says, in order."""
    rows = AuditEvent.objects.filter(person_id=person.pk).order_by("created_at")
    return [row.kind for row in rows]


def mails(kind: str) -> list[dict]:
    """The bodies that wait in the outbox."""
    import json

    rows = Delivery.objects.filter(kind=f"accounts.{kind}").order_by("created_at")
    return [{"to": row.recipient, **json.loads(row.body)} for row in rows]


def code_in(mail: dict) -> str:
    return re.search(r"^([A-Z0-9-]{6,12})$", mail["text"], re.MULTILINE)[1]


def link_in(mail: dict) -> str:
    return re.search(r"http://localhost:8000(/accounts/\S+)", mail["text"])[1]
