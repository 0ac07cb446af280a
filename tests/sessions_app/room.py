"""Joiners and hosts for tests, over the API: real keys, since the server checks commitments."""

import hashlib
import json
import uuid

from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client

from devices import tokens
from medimic import crypto
from sessions_app import visits
from sessions_app.base64url import encoded
from tests.sessions_app.conftest import ORIGIN

WRAPPED = "w" * 53 + "A"


class Side:
    """One side of a handshake: a key pair and a fresh nonce."""

    def __init__(self):
        numbers = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
        x, y = (number.to_bytes(32) for number in (numbers.x, numbers.y))
        self.key = {"kty": "EC", "crv": "P-256", "x": encoded(x), "y": encoded(y)}
        self.nonce = crypto.new_token()
        point = b"\x04" + x + y
        raw = hashlib.sha256(b"medimic/commitment/v1\0" + point + _raw(self.nonce)).digest()
        self.commitment = encoded(raw)

    @property
    def half(self):
        return {"public_key": self.key, "nonce": self.nonce}


def _raw(text):
    import base64

    return base64.urlsafe_b64decode(text + "=")


def described(**fields):
    return {
        "device_id": str(uuid.uuid4()),
        "model": "Pixel 8",
        "device_type_id": "phone",
        "platform": "android",
        "os_version": "14",
        "app_version": "3.2.0",
        **fields,
    }


def call(method, path, body=None, *, token=None, client=None, **headers):
    """A call as a device makes it; the answer's JSON is in `.json()`."""
    if token:
        headers["Authorization"] = f"Bearer {token}"
    data = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
    return getattr(client or Client(), method)(path, headers=headers, **data)


def start(authorization, mode="two_device", name="Morning round"):
    return visits.start(visits.Wanted(name, mode), authorization=authorization, origin=ORIGIN)


def wish(code, side=None, **fields):
    side = side or Side()
    return {"code": code, "name": "Jane", "role": "patient", "key_commitment": side.commitment, **fields}


def join(code, side=None, *, token=None, client=None, **fields):
    """Join as a guest's device, or with a device's token."""
    body = wish(code, side, **fields)
    if token is None:
        body.setdefault("device", described())
    return call("post", "/api/sessions/join", body, token=token, client=client)


def access_token(authorization):
    return tokens.issue_pair(authorization).access_token


def admission(session_id, participant_id):
    return f"/api/sessions/{session_id}/participants/{participant_id}/admission"


def roster(session_id, token, **headers):
    return call("get", f"/api/sessions/{session_id}/participants", token=token, **headers)


class Door:
    """A started session with somebody at its door; each step as its own verb, returning the answer."""

    def __init__(self, host, mode="two_device", **joiner):
        self.started = start(host, mode)
        self.visit = self.started.visit
        self.host, self.side = Side(), Side()
        answer = join(self.visit.code, self.side, **joiner)
        assert answer.status_code == 201, answer.content
        self.joined = answer.json()
        self.path = admission(self.visit.pk, self.joined["participant_id"])

    @property
    def host_token(self):
        return self.started.session_token

    @property
    def token(self):
        return self.joined["session_token"]

    def step(self, action, token, **fields):
        return call("put", self.path, {"action": action, **fields}, token=token)

    def answer(self, side=None):
        return self.step("answer", self.host_token, **(side or self.host).half)

    def reveal(self, side=None):
        return self.step("reveal", self.token, **(side or self.side).half)

    def admit(self, role="patient", wrapped=WRAPPED):
        return self.step("admit", self.host_token, role=role, wrapped=wrapped)

    def refuse(self):
        return self.step("refuse", self.host_token)

    def open(self):
        for step in (self.answer, self.reveal, self.admit):
            assert step().status_code == 200
        return self
