"""A phone as the tests hold it."""

import itertools
import secrets

from allauth.account.internal.flows.login import record_authentication
from django.http import HttpRequest
from django.test import Client
from joserfc.jwk import ECKey

from accounts.models import Person
from devices import actions, deep_link
from devices.schemas import DeviceIn
from medimic.audit.log import SYSTEM
from medimic.audit.models import AuditEvent

CRYPTO_KEY = b"tests-only-deep-link-key-32bytes"
_numbers = itertools.count(1)


def facts(**changes) -> dict:
    """What a phone says of itself, as JSON; another phone at each call."""
    return {
        "device_id": secrets.token_urlsafe(24),
        "name": "",
        "model": "iPhone 15 Pro",
        "device_type_id": "phone",
        "platform": "ios",
        "os_version": "17.4",
        "app_version": "3.2.0",
        **changes,
    }


def device_in(**changes) -> DeviceIn:
    return DeviceIn.model_validate(facts(**changes))


def public_key() -> dict:
    key = ECKey.generate_key("P-256").as_dict(private=False)
    return {name: key[name] for name in ("kty", "crv", "x", "y")}


def push(token: str = "") -> dict:
    return {"service": "apns", "token": token or f"push-{next(_numbers)}"}


def token_in(link: str) -> str:
    return deep_link.open_link(link, [CRYPTO_KEY])["token"]


def link_for(person, **fields) -> actions.IssuedLink:
    return actions.issue_link(account=person, by=person, origin=SYSTEM, **fields)


def sign_in_device(person, **changes) -> actions.SignedIn:
    """A device that has signed in for a person through a link."""
    token = token_in(link_for(person).link)
    return actions.log_in(token=token, device=device_in(**changes), origin=SYSTEM)


def bearer(token: str) -> dict:
    return {"headers": {"Authorization": f"Bearer {token}"}}


def call(method: str, path: str, body=None, *, token: str = "", client: Client | None = None):
    """One call of the API."""
    send = getattr(client or Client(), method)
    extra = bearer(token) if token else {}
    if body is None:
        return send(f"/api/{path}", **extra)
    return send(f"/api/{path}", body, content_type="application/json", **extra)


def log_in(token: str, **changes):
    return call("post", "device-login", {"token": token, "device": facts(**changes)})


def just_now(client: Client) -> Client:
    """The same client, as if its person had given their password this minute."""
    request = HttpRequest()
    request.session = client.session
    person = Person.objects.get(pk=request.session["_auth_user_id"])
    record_authentication(request, person, method="password")
    request.session.save()
    return client


def refused(response, status: int, code: str) -> bool:
    assert response.headers["Content-Type"] == "application/problem+json", response.content
    assert (response.status_code, response.json()["code"]) == (status, code)
    return True


def events(kind: str) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(kind=kind).order_by("created_at"))
