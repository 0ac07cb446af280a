"""Tokens bound to a device's key: DPoP, RFC 9449.

A device that sends a proof with its sign-in gets tokens which are good for nothing
without a fresh proof by the same key: a small JWT that names the method, the address,
the time and, for a token in the Authorization header, that token. Each proof is taken
once; that it was is kept in the cache, which all workers share.
"""

import base64
import hashlib
import hmac
import json
import logging
import math
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from medimic.environment import LOOPBACK_HOSTS
from medimic.problems import Problem

logger = logging.getLogger(__name__)

HEADER = "DPoP"
SCHEME = "dpop"
TYPE = "dpop+jwt"
ALGORITHM = "ES256"
# How old a proof may be, and how far ahead a phone's clock may run, in seconds.
OLDEST = 60
NEWEST = 5
# Longer than a proof can be good for; the table that may be the cache counts whole seconds.
KEPT = OLDEST + NEWEST + 5
LONGEST = 4096
LONGEST_ID = 256
PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
DEFAULT_PORTS = {"http": 80, "https": 443}
RETRY_SECONDS = 5

# What a call refuses with that takes a proof, and one that takes a token which may need one.
PROOF_CODES = (
    "dpop_malformed",
    "dpop_bad_signature",
    "dpop_wrong_method",
    "dpop_wrong_address",
    "dpop_wrong_time",
    "dpop_replayed",
)
BOUND_CODES = ("dpop_missing", "dpop_other_key", "token_unbound", *PROOF_CODES)


@dataclass(frozen=True)
class Proof:
    """A proof for this very request: whole, signed and of now. Not yet compared, nor spent.

    `thumbprint` is the RFC 7638 thumbprint of the key that signed it.
    """

    thumbprint: str
    id: str
    token_hash: str | None

    def require(self, jkt: str, *, token: str | None = None) -> None:
        """Take it as proof of the key `jkt` and, where one is given, for that token.

        Raises `Problem` 401: `dpop_other_key`, `dpop_wrong_token` or `dpop_replayed`; 503 `unavailable`.
        """
        if self.thumbprint != jkt:
            raise _invalid(Problem(401, "dpop_other_key", _("The proof is by another key than the token's.")))
        if token is not None and not _is_hash_of(self.token_hash, token):
            raise _invalid(Problem(401, "dpop_wrong_token", _("The proof was made for another token.")))
        self.spend()

    def spend(self) -> None:
        """Take it, this once. Of any number of calls with the same proof one gets through."""
        # Under its key, so that nobody can use up the names of another's proofs.
        name = hashlib.sha256(f"{self.thumbprint} {self.id}".encode()).hexdigest()
        if not _add(f"dpop-{name}"):
            raise _invalid(Problem(401, "dpop_replayed", _("This proof was used before. Make a new one.")))


def read(request: HttpRequest) -> Proof | None:
    """The proof that a request carries, or None.

    Raises `Problem` 401: `dpop_malformed`, `dpop_bad_signature`, `dpop_wrong_method`,
    `dpop_wrong_address` or `dpop_wrong_time`.
    """
    text = request.headers.get(HEADER)
    if text is None:
        return None
    thumbprint, claims = _opened(text)
    # What was sent: our own handling of HEAD turns it into a GET.
    if claims["htm"] != request.META["REQUEST_METHOD"]:
        raise _invalid(Problem(401, "dpop_wrong_method", _("The proof was made for another method.")))
    if _address(claims["htu"]) != _address(settings.PORTAL_URL + request.path):
        raise _invalid(Problem(401, "dpop_wrong_address", _("The proof was made for another address.")))
    now = time.time()
    if not now - OLDEST <= claims["iat"] <= now + NEWEST:
        late = _("The proof is too old or of the future. Look at the clock of the device.")
        raise _invalid(Problem(401, "dpop_wrong_time", late, server_time=int(now)))
    return Proof(thumbprint, claims["jti"], claims.get("ath"))


def prove_header(request: HttpRequest, token: str, jkt: str) -> None:
    """Refuse a token of the Authorization header that is not sent as it was bound.

    Raises `Problem` 401: `token_bound`, `token_unbound`, `dpop_missing`, or what `read`
    and `Proof.require` do.
    """
    if scheme_of(request) != SCHEME:
        as_bearer(jkt)
        return
    if not jkt:
        raise _unbound("invalid_token")
    _required(request).require(jkt, token=token)


def prove_body(request: HttpRequest, jkt: str) -> None:
    """The same for a token that comes in the body: a refresh token."""
    if jkt:
        _required(request).require(jkt)
    elif HEADER in request.headers:
        raise _unbound("invalid_dpop_proof")


def as_bearer(jkt: str) -> None:
    """Refuse a bound token that comes without any proof."""
    if jkt:
        refusal = Problem(
            401, "token_bound", _("This token is bound to a key. Send it with a proof of that.")
        )
        refusal.challenge = challenge("invalid_token", refusal.code)
        raise refusal


def scheme_of(request: HttpRequest) -> str:
    """How the Authorization header names its own kind, in lower case."""
    return request.headers.get("Authorization", "").partition(" ")[0].lower()


def challenge(error: str, code: str) -> str:
    """What WWW-Authenticate says to a device that uses proofs."""
    return f'DPoP error="{error}", error_description="{code}", algs="{ALGORITHM}"'


def token_hash(token: str) -> str:
    """`ath`: what a proof calls the token that it is made for."""
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()


def _required(request: HttpRequest) -> Proof:
    proof = read(request)
    if proof is None:
        raise _invalid(Problem(401, "dpop_missing", _("Send a proof of the token's key in the header DPoP.")))
    return proof


def _unbound(error: str) -> Problem:
    refusal = Problem(401, "token_unbound", _("This token is bound to no key. Send it as a bearer token."))
    refusal.challenge = challenge(error, refusal.code)
    return refusal


def _invalid(refusal: Problem) -> Problem:
    refusal.challenge = challenge("invalid_dpop_proof", refusal.code)
    return refusal


def _malformed() -> Problem:
    return _invalid(Problem(401, "dpop_malformed", _("The proof is not a DPoP proof of RFC 9449 by ES256.")))


# --- The JWT -----------------------------------------------------------------


def _opened(text: str) -> tuple[str, dict[str, Any]]:
    """The thumbprint of the key that signed a proof, and its claims, each of its type."""
    try:
        if len(text) > LONGEST:
            raise _malformed()
        proof = jws.extract_compact(text.encode("ascii"))
        key, thumbprint = _key_in(proof.headers())
        claims = json.loads(proof.payload, parse_constant=_no_number)
    # joserfc hands on what it stumbles over: deep nesting, members of other types.
    except (JoseError, ValueError, TypeError, AttributeError, KeyError, RecursionError):
        raise _malformed() from None
    _check_claims(claims)
    try:
        is_genuine = jws.validate_compact(proof, key, algorithms=[ALGORITHM])
    except (JoseError, ValueError, TypeError):
        raise _malformed() from None
    if not is_genuine:
        raise _invalid(Problem(401, "dpop_bad_signature", _("The proof is not signed by the key in it.")))
    return thumbprint, claims


def _key_in(header: dict[str, Any]) -> tuple[ECKey, str]:
    # `crit` may demand what we do not know, or that the payload is another one than it seems.
    if header.get("typ") != TYPE or header.get("alg") != ALGORITHM or "crit" in header:
        raise _malformed()
    jwk = header.get("jwk")
    if not isinstance(jwk, dict) or not PRIVATE_MEMBERS.isdisjoint(jwk):
        raise _malformed()
    if jwk.get("kty") != "EC" or jwk.get("crv") != "P-256":
        raise _malformed()
    return _key(jwk["x"], jwk["y"])


@lru_cache(maxsize=1024)
def _key(x: str, y: str) -> tuple[ECKey, str]:
    """Checks that the point is on the curve, which takes as long as the signature does."""
    key = ECKey.import_key({"kty": "EC", "crv": "P-256", "x": x, "y": y})
    return key, key.thumbprint()


def _check_claims(claims: Any) -> None:
    if not isinstance(claims, dict):
        raise _malformed()
    texts = [claims.get(name) for name in ("jti", "htm", "htu")]
    if not all(isinstance(text, str) and text for text in texts) or len(claims["jti"]) > LONGEST_ID:
        raise _malformed()
    if not isinstance(claims.get("ath", ""), str) or not all(_is_writable(text) for text in texts):
        raise _malformed()
    made_at = claims.get("iat")
    if isinstance(made_at, bool) or not isinstance(made_at, int | float) or not _is_finite(made_at):
        raise _malformed()


def _is_writable(text: Any) -> bool:
    """Without halves of surrogate pairs, which JSON can hold and bytes cannot."""
    return isinstance(text, str) and not any("\ud800" <= sign <= "\udfff" for sign in text)


def _is_finite(number: int | float) -> bool:
    return isinstance(number, int) or math.isfinite(number)


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _is_hash_of(claimed: str | None, token: str) -> bool:
    expected = token_hash(token).encode()
    return claimed is not None and hmac.compare_digest(claimed.encode(errors="replace"), expected)


def _address(url: str) -> tuple[str, str, int | None, str] | None:
    """What two writings of one address have in common; query and fragment do not count."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    scheme = parts.scheme.lower()
    if not settings.PRODUCTION and host in LOOPBACK_HOSTS:
        # A laptop has three names for itself.
        host = LOOPBACK_HOSTS[0]
    user = parts.username or parts.password
    return None if user else (scheme, host, port or DEFAULT_PORTS.get(scheme), unquote(parts.path))


# --- The store of what was taken ---------------------------------------------


def _add(name: str) -> bool:
    """Whether the name is new. Where the cache cannot tell, nobody gets through."""
    try:
        if cache.add(name, 1, KEPT):
            return True
        # A table as cache says no as well when it could not write.
        if cache.get(name) is not None:
            return False
    except Exception as error:
        logger.error("The cache did not answer: %s", type(error).__name__)
    raise Problem(503, "unavailable", _("The portal is not available right now."), retry_after=RETRY_SECONDS)
