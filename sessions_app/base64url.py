"""Bytes as the API writes them: base64url without padding (RFC 4648), each in one spelling alone."""

import base64

from pydantic_core import PydanticCustomError


def encoded(raw: bytes | memoryview) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def signs(length: int) -> int:
    """How many signs so many bytes take."""
    return (length * 4 + 2) // 3


def pattern(shortest: int, longest: int | None = None) -> str:
    """What text looks like that stands for so many bytes."""
    return rf"^[A-Za-z0-9_-]{{{signs(shortest)},{signs(longest or shortest)}}}$"


def canonical(text: str) -> str:
    # The last sign has bits to spare, which must be none; of four signs and one the last says nothing.
    if len(text) % 4 == 1 or encoded(decoded(text)) != text:
        raise PydanticCustomError("base64url", "Must be base64url without padding, in its one spelling")
    return text
