"""DPoP proofs (RFC 9449): that the device still has the key which its tokens are bound to."""

import base64
import hashlib
import json
import secrets
import time
from dataclasses import dataclass
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey

ALGORITHM = "ES256"


@dataclass(frozen=True)
class Prover:
    """Makes a new proof for each call; `private_key` is a P-256 key as a JWK."""

    private_key: dict[str, Any]

    def proof(self, method: str, url: str, token: str = "") -> str:
        """For one call of that address without its query, with `token` in the Authorization header."""
        claims = {"jti": secrets.token_urlsafe(16), "htm": method, "htu": url, "iat": int(time.time())}
        if token:
            digest = hashlib.sha256(token.encode()).digest()
            claims["ath"] = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        public = {name: self.private_key[name] for name in ("kty", "crv", "x", "y")}
        header = {"typ": "dpop+jwt", "alg": ALGORITHM, "jwk": public}
        key = ECKey.import_key(self.private_key)
        return jws.serialize_compact(header, json.dumps(claims), key, algorithms=[ALGORITHM])
