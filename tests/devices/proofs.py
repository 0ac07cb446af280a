"""A device's key, and the DPoP proofs that it makes: right ones, and wrong in one thing each."""

import base64
import json
import secrets
import time

from django.test import Client
from joserfc import jws
from joserfc.jwk import ECKey

from devices import actions, dpop
from devices.dpop import Proof
from medimic.audit.log import SYSTEM
from tests.devices.kit import device_in, facts, link_for, token_in

PORTAL = "http://localhost:8000"


def part(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")


class ProofKey:
    """`proof(…)` is good for one call; each argument changes one thing, None leaves a claim out."""

    def __init__(self):
        self.key = ECKey.generate_key("P-256", private=True)
        self.public = {name: self.key.as_dict(private=False)[name] for name in ("kty", "crv", "x", "y")}
        self.thumbprint = self.key.thumbprint()

    def proof(self, method, path, token="", *, header=None, signed_by=None, algorithm="ES256", **changes):
        claims = {
            "jti": secrets.token_urlsafe(16),
            "htm": method.upper(),
            "htu": PORTAL + path,
            "iat": int(time.time()),
            "ath": dpop.token_hash(token) if token else None,
            **changes,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        head = {"typ": "dpop+jwt", "alg": algorithm, "jwk": self.public, **(header or {})}
        # By hand, since joserfc refuses to sign what is wrong.
        signed = b".".join(part(json.dumps(content).encode()) for content in (head, claims))
        model = jws.JWSRegistry.algorithms[algorithm]
        return (signed + b"." + part(model.sign(signed, signed_by or self.key))).decode()

    def ready(self) -> Proof:
        """A proof as the API hands it on, once it has read it."""
        return Proof(self.thumbprint, secrets.token_urlsafe(16), None)

    def call(self, method, path, body=None, *, token="", proof=None, scheme="DPoP", client=None):
        """One call of the API with a proof of its own; `proof=""` sends none."""
        address = f"/api/{path}"
        if proof is None:
            proof = self.proof(method, address, token)
        headers = {"DPoP": proof} if proof else {}
        if token:
            headers["Authorization"] = f"{scheme} {token}"
        content = {} if body is None else {"data": body, "content_type": "application/json"}
        return getattr(client or Client(), method)(address, headers=headers, **content)

    def log_in(self, token, **changes):
        return self.call("post", "device-login", {"token": token, "device": facts(**changes)})

    def refresh(self, token, **rest):
        return self.call("post", "token", {"grant_type": "refresh_token", "refresh_token": token}, **rest)


def sign_in_bound(person, key: ProofKey, **changes) -> actions.SignedIn:
    """A device that has signed in through a link, with tokens that are bound to this key."""
    return actions.log_in(
        token=token_in(link_for(person).link), device=device_in(**changes), origin=SYSTEM, proof=key.ready()
    )
