"""What an id token says, once signature, issuer, audience and time are right: OpenID Connect Core 3.1.3.7."""

from collections.abc import Mapping
from typing import Any

from joserfc import jws, jwt
from joserfc.jwk import KeySet
from joserfc.jwt import JWTClaimsRegistry

# By a key of the provider's alone: never one that we know too, and never none.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
KEY_TYPES = ("RSA", "EC")
# Clocks differ.
LEEWAY_SECONDS = 60


def claims_of(token: str, keys: Mapping[str, Any], *, issuer: str, client_id: str) -> dict[str, Any]:
    """Raises `joserfc.errors.JoseError`; `KeyError`, `TypeError` or `ValueError` for what is out of shape."""
    key = _key(token, keys)
    claims: dict[str, Any] = jwt.decode(token, key, algorithms=ALGORITHMS).claims
    JWTClaimsRegistry(
        leeway=LEEWAY_SECONDS,
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": client_id},
        exp={"essential": True},
        iat={"essential": True},
        sub={"essential": True},
    ).validate(claims)
    if claims.get("azp", client_id) != client_id:
        raise ValueError("the token is another client's")
    return claims


def _key(token: str, keys: Mapping[str, Any]) -> Any:
    """The key that the token names; without a name the only one."""
    usable = [key for key in keys["keys"] if key.get("kty") in KEY_TYPES and key.get("use", "sig") == "sig"]
    name = jws.extract_compact(token.encode()).headers().get("kid")
    if name is not None:
        usable = [key for key in usable if key.get("kid") == name]
    if len(usable) != 1:
        raise ValueError("no key of the provider's is the one that signed this")
    return KeySet.import_key_set({"keys": usable}).keys[0]
