"""A passkey in software: what a browser and a device's authenticator do between them."""

import hashlib
import json
import secrets
import struct

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2 import cbor
from fido2.utils import websafe_decode, websafe_encode

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


class Passkey:
    """One credential; `create` answers the portal's options as a browser would, `get` uses it."""

    def __init__(self, *, origin="http://localhost:8000", rp_id="localhost", verifies=True):
        self.origin, self.rp_id, self.verifies = origin, rp_id, verifies
        self.is_framed = False
        self.id = secrets.token_bytes(32)
        self.user_handle = b""
        self.count = 0
        self._key = ec.generate_private_key(ec.SECP256R1())

    def create(self, options) -> str:
        asked = options["creation_options"]["publicKey"]
        self.user_handle = websafe_decode(asked["user"]["id"])
        point = self._key.public_key().public_numbers()
        public = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
        attested = b"\0" * 16 + struct.pack(">H", len(self.id)) + self.id + cbor.encode(public)
        statement = {"fmt": "none", "attStmt": {}, "authData": self._data(ATTESTED) + attested}
        return self._written(
            {
                "clientDataJSON": self._client("webauthn.create", asked["challenge"]),
                "attestationObject": cbor.encode(statement),
            },
            {"credProps": {"rk": True}},
        )

    def get(self, options) -> str:
        client = self._client("webauthn.get", options["request_options"]["publicKey"]["challenge"])
        data = self._data(0)
        signed = data + hashlib.sha256(client).digest()
        return self._written(
            {
                "clientDataJSON": client,
                "authenticatorData": data,
                "signature": self._key.sign(signed, ec.ECDSA(hashes.SHA256())),
                "userHandle": self.user_handle,
            },
            {},
        )

    def _client(self, kind, challenge) -> bytes:
        told = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": self.is_framed}
        return json.dumps(told).encode()

    def _data(self, flags) -> bytes:
        self.count += 1
        flags |= PRESENT | (VERIFIED if self.verifies else 0)
        return hashlib.sha256(self.rp_id.encode()).digest() + struct.pack(">BI", flags, self.count)

    def _written(self, response, extensions) -> str:
        return json.dumps(
            {
                "id": websafe_encode(self.id),
                "rawId": websafe_encode(self.id),
                "type": "public-key",
                "clientExtensionResults": extensions,
                "response": {name: websafe_encode(part) for name, part in response.items()},
            }
        )


def add_passkey(browser, **options) -> Passkey:
    """As on the page, with a browser that was signed in just now."""
    passkey = Passkey(**options)
    page = browser.get("/accounts/2fa/webauthn/add/")
    assert page.status_code == 200, page.url
    answer = browser.post(
        "/accounts/2fa/webauthn/add/",
        {"name": "Work laptop", "credential": passkey.create(page.context["js_data"])},
    )
    assert answer.status_code == 302, answer.content.decode()
    return passkey


def asked_to_sign_in(browser):
    """What the sign-in page's script gets before it asks for a passkey."""
    answer = browser.get("/accounts/2fa/webauthn/login/", headers={"x-requested-with": "XMLHttpRequest"})
    return answer.json()


def sign_in_by(browser, passkey, **fields):
    credential = passkey.get(asked_to_sign_in(browser))
    return browser.post("/accounts/2fa/webauthn/login/", {"credential": credential, **fields})
