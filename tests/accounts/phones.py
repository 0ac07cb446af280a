"""Signing in on a phone, as an app does it."""

from django.test import Client

from tests.cast import PASSWORD


class PhoneSignIn:
    """One sign-in: `token` is the newest session token that an answer gave."""

    def __init__(self, **client):
        self.client = Client(**client)
        self.token = ""

    def call(self, method, end, body=None, **extra):
        headers = {"X-Session-Token": self.token} if self.token else {}
        content = {} if body is None else {"data": body, "content_type": "application/json"}
        response = getattr(self.client, method)(f"/api/sign-in/{end}", headers=headers, **content, **extra)
        if response.headers.get("Content-Type") == "application/json":
            self.token = response.json().get("meta", {}).get("session_token", self.token)
        return response

    def log_in(self, person, password=PASSWORD):
        return self.call("post", "login", {"email": person.email, "password": password})

    def give_code(self, code):
        return self.call("post", "2fa/authenticate", {"code": code})

    def is_signed_in(self):
        return self.call("get", "session").status_code == 200


def signed_in(person, app=None) -> str:
    """The session token of a finished sign-in."""
    phone = PhoneSignIn()
    phone.log_in(person)
    if app is not None:
        phone.give_code(app.code())
    assert phone.is_signed_in()
    return phone.token


def pending_flow(response) -> str | None:
    flows = response.json()["data"]["flows"]
    return next((flow["id"] for flow in flows if flow.get("is_pending")), None)
