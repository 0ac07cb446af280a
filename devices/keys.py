"""Public keys of devices: ECDH P-256, as JWKs. Their private halves never come here."""

from typing import Annotated, Literal

from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from pydantic import StringConstraints

from medimic.api_schema import Body

# 32 bytes in base64url, without padding: one coordinate.
Coordinate = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{43}$")]


class PublicKey(Body):
    """A P-256 public key. Any other member is refused: a private `d` above all."""

    kty: Literal["EC"]
    crv: Literal["P-256"]
    x: Coordinate
    y: Coordinate


def on_the_curve(key: PublicKey) -> PublicKey:
    """The key, if it is a point of the curve; raises `ValueError`."""
    try:
        thumbprint(key)
    except (JoseError, ValueError):
        raise ValueError("must be a point of the curve P-256") from None
    return key


def thumbprint(key: PublicKey) -> str:
    """RFC 7638, base64url."""
    return ECKey.import_key(key.model_dump()).thumbprint()
